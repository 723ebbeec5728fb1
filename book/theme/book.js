// What the book's pages do: draw charts when they come near, filter and sort tables, fold code.
// Without it every chart leaves its still picture and every table stands as it is.
"use strict";
(() => {
  const NARROW = 520; // pixels; of a column in which legends stand below a chart, in one row an entry
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const isDark = () => document.documentElement.dataset.theme === "dark";

  function made(tag, properties = {}, children = []) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // --- scripts that few pages need are fetched once, when something comes near that needs them
  const fetched = {};
  const fetchScript = (name) =>
    (fetched[name] ??= new Promise((resolve, reject) =>
      document.head.append(made("script", { src: here + name, onload: resolve, onerror: reject })),
    ));

  function whenNear(elements, act) {
    const watch = new IntersectionObserver(
      (entries) =>
        entries.filter((e) => e.isIntersecting).forEach(({ target }) => {
          watch.unobserve(target);
          act(target);
        }),
      { rootMargin: "400px" },
    );
    elements.forEach((element) => watch.observe(element));
  }

  // --- charts
  // of charts whose rows have a height of their own, Vega-Lite says that only their width is fitted: so it is meant
  const warn = console.warn.bind(console);
  console.warn = (...said) => said.join(" ").includes('Dropping "fit-y"') || warn(...said);

  const charts = new Map(); // element to { width, theme, view }

  function lines(title, most) {
    const words = [title].flat().join(" ").split(" ");
    const rows = [""];
    for (const word of words) {
      if ((rows.at(-1) + word).length > most && rows.at(-1)) rows.push("");
      rows[rows.length - 1] += (rows.at(-1) ? " " : "") + word;
    }
    return rows.length > 1 ? rows : rows[0];
  }

  const inner = (view) => [view.layer, view.vconcat, view.hconcat, view.concat, view.spec && [view.spec]]
    .filter(Boolean).flat();

  function eachView(view, act) {
    act(view);
    inner(view).forEach((part) => eachView(part, act));
  }

  function asShown(spec, width) {
    const chart = structuredClone(spec);
    const narrow = width < NARROW;
    const letters = narrow ? Math.max(14, Math.floor(width / 15)) : Math.floor(width / 9);
    eachView(chart, (view) => {
      // a width that is given, not one that follows the window: each change of the column draws anew
      if (view.width === "container") view.width = width - 4;
      const x = view.encoding?.x;
      if (x?.title && narrow) x.title = lines(x.title, Math.max(14, Math.floor(width / 15)));
      const y = view.encoding?.y;
      if (y?.title) y.title = lines(y.title, 36);
      for (const name of ["color", "shape", "stroke", "strokeDash", "size", "opacity"]) {
        const part = view.encoding?.[name];
        if (part?.title) part.title = lines(part.title, letters);
        if (narrow && part?.legend) Object.assign(part.legend, { columns: 1, orient: "bottom" });
        else if (part?.legend?.columns) delete part.legend.columns;
      }
      if (narrow && x?.axis?.labelAngle) Object.assign(x.axis, { labelAngle: -90, labelLimit: 150, titlePadding: 12 });
      if (narrow && typeof view.width === "number" && view !== chart && view.width > width - 130)
        view.width = width - 130;
    });
    const config = (chart.config ??= {});
    config.legend = { ...config.legend, labelLimit: narrow ? width - 115 : 240, titleLimit: width - 20 };
    if (narrow) Object.assign(config.legend, { orient: "bottom", columns: 1 });
    else config.legend.columns = Math.max(1, Math.floor(width / 210));
    config.axis = { ...config.axis, labelLimit: Math.min(260, Math.floor(width * 0.42)) };
    return isDark() ? inTheDark(chart) : chart;
  }

  function inTheDark(chart) {
    const text = "#d8dee9";
    Object.assign(chart.config, { background: null });
    chart.config.axis = { ...chart.config.axis, labelColor: text, titleColor: text, gridColor: "#3f4650", domainColor: "#888", tickColor: "#888" };
    chart.config.legend = { ...chart.config.legend, labelColor: text, titleColor: text };
    chart.config.header = { ...chart.config.header, labelColor: text, titleColor: text };
    chart.config.title = { ...chart.config.title, color: text, subtitleColor: text };
    chart.config.text = { ...chart.config.text, color: text };
    chart.config.range = { ...chart.config.range, category: (chart.config.range?.category ?? []).map(lighter) };
    chart.background = null;
    eachView(chart, (view) => {
      for (const part of Object.values(view.encoding ?? {}))
        if (Array.isArray(part?.scale?.range)) part.scale.range = part.scale.range.map(lighter);
      if (view.mark?.color) view.mark.color = view.mark.color === "#d9d9d9" ? "#4b5563" : lighter(view.mark.color);
    });
    return chart;
  }

  const LIGHTER = { "#000000": "#ffffff", black: "#ffffff", "#0072b2": "#4aa8e0", "#767676": "#a5a5a5" };
  const lighter = (color) => LIGHTER[color] ?? color;

  async function draw(element) {
    const width = element.clientWidth;
    const theme = isDark();
    const before = charts.get(element);
    if (!width || (before && before.width === width && before.theme === theme)) return;
    const state = { ...before, width, theme };
    charts.set(element, state);
    await fetchScript("vega-bundle.js");
    const spec = (state.spec ??= JSON.parse(element.querySelector("script").textContent));
    const drawing = element.querySelector(".drawing");
    const place = made("div", { className: "vega-place" });
    const options = { logLevel: 1, renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } };
    const result = await vegaEmbed(place, asShown(spec, width), options).catch((error) => drawing.append(made("p", { textContent: `The chart could not be drawn: ${error.message}` })));
    if (!result || charts.get(element).width !== width) return result?.finalize?.();
    before?.result?.finalize();
    charts.set(element, { ...state, result });
    const indices = all("select", drawing).map((list) => list.selectedIndex);
    drawing.replaceChildren(place);
    choose(all("select", drawing), indices);
    element.removeAttribute("data-waiting");
    element.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
    dress(element, spec);
  }

  // what was chosen from a chart's lists stays chosen when it is drawn anew
  function choose(lists, indices) {
    lists.forEach((list, i) => {
      if (!(indices[i] > 0)) return;
      list.selectedIndex = indices[i];
      list.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  // a long list whose entries begin alike, such as "decision: Dice score", is one in groups
  function inGroups(list) {
    const texts = [...list.options].map((option) => option.textContent);
    if (texts.length < 12 || !texts.every((text) => text.includes(": "))) return;
    let group;
    for (const option of [...list.options]) {
      const [name, ...rest] = option.textContent.split(": ");
      if (group?.label !== name) list.append((group = made("optgroup", { label: name })));
      option.textContent = rest.join(": ");
      group.append(option);
    }
  }

  function dress(element, spec) {
    all("select", element).forEach(inGroups);
    all("summary", element).forEach((summary) => {
      summary.setAttribute("aria-label", "save the chart as a picture");
      summary.title = "save the chart as a picture";
    });
    const svg = element.querySelector("svg.marks");
    svg?.setAttribute("aria-label", spec.description);
    svg?.setAttribute("role", "img");
    all("[role]", svg ?? element.cloneNode()).forEach((part) => {
      part.removeAttribute("role"); // the description above speaks for the whole
      part.removeAttribute("aria-roledescription");
    });
    // a tap is no movement: tell the chart that the pointer moved to where it was
    svg?.addEventListener("click", (event) => {
      const { clientX, clientY, target } = event;
      const at = { clientX, clientY, bubbles: true, pointerType: "mouse" };
      for (const kind of ["pointerover", "pointermove", "mouseover", "mousemove"]) {
        const Kind = kind.startsWith("pointer") ? PointerEvent : MouseEvent;
        target.dispatchEvent(new Kind(kind, at));
      }
    });
  }

  const column = new ResizeObserver((entries) => {
    for (const { target } of entries) if (charts.has(target)) draw(target);
  });

  function startCharts() {
    const elements = all(".drawn");
    elements.forEach((element) => column.observe(element));
    whenNear(elements, draw);
    new MutationObserver(() => charts.forEach((_, element) => draw(element))).observe(
      document.documentElement, { attributes: true, attributeFilter: ["data-theme"] },
    );
  }

  // --- formulas
  function startFormulas() {
    whenNear(all("article .math").slice(0, 1), showFormulas);
    whenNear(all("article .math").slice(1), showFormulas);
  }
  const showFormulas = () => fetchScript("mathjax/tex-chtml.js");

  // --- tables: heads that sort, and filters
  const numberOf = (cell) => {
    const found = (cell?.dataset.sort ?? cell?.textContent ?? "").replaceAll(",", "").replace("−", "-").match(/-?\d+(\.\d+)?(e[-+]?\d+)?/i);
    return found ? Number(found[0]) : NaN;
  };

  function sortBy(table, place, up) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const texts = rows.every((row) => Number.isNaN(numberOf(row.cells[place])));
    const key = (row) => (texts ? row.cells[place].textContent.toLowerCase() : numberOf(row.cells[place]));
    const order = (a, b) => (texts ? key(a).localeCompare(key(b)) : key(a) - key(b));
    rows.sort((a, b) => {
      if (!texts && Number.isNaN(key(a))) return 1;
      if (!texts && Number.isNaN(key(b))) return -1;
      return up ? order(a, b) : order(b, a);
    });
    body.append(...rows);
  }

  function startSorting() {
    for (const table of all("table.sortable")) {
      [...table.tHead.rows[0].cells].forEach((head, place) => {
        const button = made("button", { type: "button", className: "sort", title: "sort" }, [...head.childNodes]);
        head.append(button);
        button.addEventListener("click", () => {
          const better = Number(head.dataset.better ?? 0);
          const state = head.getAttribute("aria-sort");
          const up = state ? state === "descending" : better < 0 || place === 0;
          all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", up ? "ascending" : "descending");
          sortBy(table, place, up);
        });
      });
    }
  }

  function startFilters() {
    const filters = document.querySelector(".claim-filters");
    if (!filters) return;
    const lists = all("select", filters);
    const rows = all("tr[data-verdicts]");
    const act = () => {
      const chosen = Object.fromEntries(lists.map((list) => [list.name, list.value]).filter(([, value]) => value));
      let shown = 0;
      for (const row of rows) {
        const { paper, kind, verdicts } = row.dataset;
        const pairs = verdicts.split("|").map((pair) => pair.split(":"));
        const fits = (!chosen.paper || paper === chosen.paper) && (!chosen.kind || kind === chosen.kind) &&
          pairs.some(([arm, verdict]) => (!chosen.arm || arm === chosen.arm) && (!chosen.verdict || verdict === chosen.verdict));
        row.hidden = !fits;
        shown += fits;
      }
      const any = Object.keys(chosen).length > 0;
      for (const group of all("details.claim-group")) {
        const fits = all("tr[data-verdicts]:not([hidden])", group).length;
        group.hidden = any && !fits;
        if (any) group.open = fits > 0;
        else group.open = group.dataset.open === "yes";
      }
      filters.querySelector("output").textContent = any ? (shown ? `${shown} claims` : "No claim is like this.") : "";
      all(".claim-chart select").forEach((list) => {
        const name = list.closest("label, .vega-bind")?.textContent.trim().split(" ")[0];
        const wanted = chosen[name];
        const texts = [...list.options].map((option) => option.textContent);
        const place = wanted ? texts.indexOf(wanted) : 0;
        if (list.selectedIndex !== place && place >= 0) {
          list.selectedIndex = place;
          list.dispatchEvent(new Event("change", { bubbles: true }));
        }
      });
    };
    filters.hidden = false;
    filters.addEventListener("change", act);
    document.querySelector(".claim-chart")?.addEventListener("drawn", act);
    const asked = new URLSearchParams(location.search);
    lists.filter((list) => asked.has(list.name)).forEach((list) => (list.value = asked.get(list.name)));
    act();
  }

  // --- anchors that stand in something folded
  function openTarget() {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let box = target.closest("details"); box; box = box.parentElement?.closest("details")) box.open = true;
    if (target.matches(".cell")) all("details.hide", target).forEach((box) => (box.open = true));
    target.scrollIntoView();
  }

  // --- code: one switch for the page
  function startSwitch() {
    const folded = all("details.hide");
    const heading = document.querySelector("article h1");
    if (!folded.length || !heading) return;
    const button = made("button", { type: "button", className: "code-switch", textContent: "Show all code" });
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-pressed") === "false";
      button.setAttribute("aria-pressed", String(open));
      button.textContent = open ? "Hide all code" : "Show all code";
      folded.forEach((box) => (box.open = open));
    });
    heading.after(button);
  }

  // --- print: what is folded and is no code is printed, too
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("article details:not([open]):not(.hide):not(.numbers)").filter((box) => !box.closest(".vega-embed"));
    opened.forEach((box) => (box.open = true));
  });
  addEventListener("afterprint", () => opened.forEach((box) => (box.open = false)));

  window.book = {
    drawAll: async () => {
      await Promise.all([...all(".drawn").map(draw), ...(all("article .math").length ? [showFormulas()] : [])]);
      await window.MathJax?.startup?.promise;
    },
  };
  document.addEventListener("DOMContentLoaded", () => {
    startCharts();
    startFormulas();
    startSorting();
    startFilters();
    startSwitch();
    openTarget();
    addEventListener("hashchange", openTarget);
  });
})();
