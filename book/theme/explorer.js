// The page "Explorer": two saliency maps of one photograph side by side, and their scores.
// Its data, window.EXPLORER, are made by helpers/report/explorer.py; texts go in as text, never as HTML.
"use strict";
(() => {
  const { networks, colors } = window.EXPLORER;
  const root = document.getElementById("two-maps");
  const chosen = (name) => root.querySelector(`[name=${name}]`);
  const [photo, ...maps] = root.querySelectorAll("figure");
  const ends = { unsigned: ["0", "top 1 %"], signed: ["−", "0", "top 1 %"] };

  function made(tag, properties = {}, children = []) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function offer(name, texts, first = 0) {
    const before = chosen(name).value;
    const options = texts.map(([value, text]) => made("option", { value, textContent: text }));
    chosen(name).replaceChildren(...options);
    chosen(name).value = texts.some(([value]) => String(value) === before) ? before : texts[first][0];
  }

  function painted(canvas, levels, width, height, scale) {
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(width, height);
    levels.forEach((level, i) => pixels.data.set([...colors[scale][level], 255], 4 * i));
    context.putImageData(pixels, 0, 0);
  }

  async function paintMap(canvas, source, scale) {
    const picture = made("img", { src: source });
    await picture.decode();
    const { width, height } = picture;
    const context = made("canvas", { width, height }).getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    painted(canvas, data.filter((_, i) => i % 4 === 0), width, height, scale);
  }

  function showMap(figure, network, number, method) {
    const image = network.images[number];
    const scale = network.scale[method];
    const canvas = made("canvas");
    const bar = made("canvas", { ariaHidden: "true" });
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `saliency map of ${method} for ${image.class} on ${image.name}`);
    painted(bar, Array.from({ length: 256 }, (_, level) => level), 256, 1, scale);
    paintMap(canvas, `data:image/png;base64,${network.maps[method][number]}`, scale);
    const below = made("img", { src: photo.querySelector("img").src, alt: "", className: "dark-light" });
    figure.replaceChildren(
      made("div", { className: chosen("over").checked ? "layers over" : "layers" }, [below, canvas]),
      bar,
      made("div", { className: "ends" }, ends[scale].map((text) => made("span", { textContent: text }))),
      made("figcaption", { textContent: method }),
    );
  }

  function showScores(network, number, methods) {
    const measures = [...new Set(methods.flatMap((method) => Object.keys(network.scores[method] ?? {})))];
    const score = (method, measure) => network.scores[method]?.[measure]?.[number];
    const cell = (value) => made("td", { textContent: value == null ? "–" : Number(value.toPrecision(4)) });
    const head = ["score", ...methods].map((text) => made("th", { scope: "col", textContent: text }));
    const rows = measures.map((measure) =>
      made("tr", {}, [
        made("th", { scope: "row", textContent: measure }),
        ...methods.map((method) => cell(score(method, measure))),
      ]),
    );
    const table = [made("thead", {}, [made("tr", {}, head)]), made("tbody", {}, rows)];
    root.querySelector("table").replaceChildren(...table);
  }

  // --- the choice stands in the address, so that a link opens the same view
  const NAMES = ["network", "image", "first", "second", "over"];
  const textOf = (list) => list.selectedOptions[0]?.textContent ?? "";

  function intoAddress() {
    const told = NAMES.map((name) => [name, name === "over" ? String(chosen(name).checked) : textOf(chosen(name))]);
    history.replaceState(null, "", `#${new URLSearchParams(told)}`);
  }

  function choose(name, text) {
    const list = chosen(name);
    const option = [...list.options].find((one) => one.textContent === text);
    if (option) list.value = option.value;
  }

  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!NAMES.some((name) => asked.has(name))) return;
    choose("network", asked.get("network"));
    show(); // lists of the network's photographs and methods
    for (const name of ["image", "first", "second"]) choose(name, asked.get(name));
    if (asked.has("over")) chosen("over").checked = asked.get("over") === "true";
    show();
  }

  function place(methods, name, otherwise) {
    const found = methods.findIndex(([method]) => method === name);
    return found >= 0 ? found : Math.min(otherwise, methods.length - 1);
  }

  function show() {
    const network = networks[chosen("network").value];
    const methods = Object.keys(network.maps).map((method) => [method, method]);
    offer("image", network.images.map((image, i) => [i, `${image.name}: ${image.class}`]));
    offer("first", methods, place(methods, "Grad-CAM", 0));
    offer("second", methods, place(methods, "LRP-ε", 1));
    const number = Number(chosen("image").value);
    const { name, class: label, probability, picture } = network.images[number];
    Object.assign(photo.querySelector("img"), {
      src: `data:image/jpeg;base64,${picture}`,
      alt: `photograph ${name}, classified as ${label}`,
    });
    const sure = `${(100 * probability).toFixed(1)} %`;
    photo.querySelector("figcaption").textContent = `${label}, probability ${sure}`;
    const pair = [chosen("first").value, chosen("second").value];
    maps.forEach((figure, i) => showMap(figure, network, number, pair[i]));
    showScores(network, number, pair);
  }

  offer("network", networks.map((network, i) => [i, network.name]));
  root.addEventListener("change", () => {
    show();
    intoAddress();
  });
  addEventListener("hashchange", fromAddress);
  root.hidden = false;
  show();
  fromAddress();
})();
