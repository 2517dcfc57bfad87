// Turns the scatter plots, which stand one after the other without this script, into one with a slider over t.
for (const frames of document.querySelectorAll(".frames")) {
  const dial = frames.previousElementSibling, input = dial.querySelector("input"), output = dial.querySelector("output");
  const all = [...frames.querySelectorAll(".frame")];
  const show = () => {
    all.forEach((frame, i) => { frame.hidden = i !== Number(input.value); });
    output.textContent = all[input.value].dataset.name;
    input.setAttribute("aria-valuetext", output.textContent);
  };
  if (all.length > 1) {
    frames.classList.add("one");
    dial.classList.add("on");
    input.addEventListener("input", show);
    show();
  }
}
