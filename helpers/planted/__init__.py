"""The tests on trial: images whose right explanation is known, and which test can tell it."""
