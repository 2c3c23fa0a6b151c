// Buttons, keys, pointers; and the beginning of it all.

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const KEYS = [
  [`1 \u2026 ${AVAILABLE.length}`, "the ways to look, in the order of their buttons"],
  ["l, r", data.views.join(", ").toLowerCase()],
  ["+, -", "zoom; also the wheel, or two fingers"],
  ["arrows", "move; also drag"],
  ["0", "the whole picture"],
  ["p", "one pixel is one of the screen; also double click, and again for the whole picture"],
  ...(data.depth ? [] : [[", .", "shift the views against each other"], ["space", "stop the wiggle, or go on"]]),
  ...(data.original ? [["drag", "the divider of the comparison"]] : []),
  ["f", "full screen"],
  ["i", "facts of the file"],
  ["?", "this list"],
];

function setMode(mode) {
  state.mode = mode;
  if (state.fitted) state.scale = fittingScale();
  play(mode === "wiggle" && !calm.matches);
}

function setWhich(view) {
  state.which = view;
  changed();
}

let timer = 0;
function play(playing) {
  clearTimeout(timer);
  state.playing = playing;
  if (!playing && state.mode !== "wiggle") state.phase = 0;
  if (playing) timer = setTimeout(step, 1000 / Number(element("speed").value));
  changed();
}

function step() {
  state.phase = 1 - state.phase;
  play(true);
}

function setShift(pixels) {
  const limit = Number(element("shift").max);
  state.shift = Math.min(limit, Math.max(-limit, pixels));
  changed();
}

function setDivider(fraction) {
  state.divider = Math.min(1, Math.max(0, fraction));
  changed();
}

function press(buttons, chosen) {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === String(chosen)));
}

// Lets all controls say what the state is.
function showState() {
  const mode = MODES[state.mode];
  press(element("modes").children, state.mode);
  press(element("which").children, state.which);
  element("which").hidden = !mode.which;
  element("shift-control").hidden = !mode.shift || Boolean(data.depth);
  element("divider-control").hidden = state.mode !== "compare";
  element("gain-control").hidden = state.mode !== "difference";
  for (const id of ["play", "speed-control"]) element(id).hidden = state.mode !== "wiggle";
  element("play").textContent = state.playing ? "Pause" : "Play";
  element("shift").value = state.shift;
  element("shift-value").textContent = `${state.shift} px`;
  element("divider").value = 100 * state.divider;
  element("gain-value").textContent = gainText();
  element("speed-value").textContent = `${element("speed").value} / s`;
  element("zoom").textContent = `${Math.round(100 * state.scale)} %`;
  const [first, second] = mode.captions ? mode.captions() : ["", ""];
  element("first-caption").textContent = first;
  element("second-caption").textContent = second;
  const depthIsThere = ["parallel", "second"].includes(state.mode) || (state.mode === "compare" && state.which === 1);
  element("legend").hidden = !data.depth || !depthIsThere;
  canvas.setAttribute("aria-label", `${document.title}: ${mode.label}`);
}

function gainText() {
  if (!data.depth || state.which === 0 || !pictures.range) return `\u00d7${state.gain}`;
  const white = 1000 * data.depth.metresPerStep * whiteError(pictures.range, state.gain);
  return `\u00d7${state.gain}, white is ${Number(white.toPrecision(3))} mm`;
}

function read(at) {
  const pixel = data.depth && pictures.maps ? pixelAt(at.x, at.y) : null;
  const index = pixel && pixel.row * data.size[0] + pixel.column;
  const [decoded, original] = pixel ? pictures.maps : [];
  const compared = pixel && original ? `, original ${metres(original[index])}` : "";
  element("readout").textContent = pixel
    ? `x ${pixel.column}, y ${pixel.row}: ${metres(decoded[index])}${compared}`
    : "";
}

// Pointers that are down, by number, in device pixels of the canvas.
const down = new Map();
const gesture = { moved: 0, several: false, dividing: false, lastTap: null, pinch: null };
const TAP = { pixels: 12, milliseconds: 350 };

function position(event) {
  const box = canvas.getBoundingClientRect();
  return { x: (event.clientX - box.x) * devicePixelRatio, y: (event.clientY - box.y) * devicePixelRatio };
}

function onDivider(at) {
  return state.mode === "compare" && Math.abs(at.x - dividerAt()) < 18 * devicePixelRatio;
}

function pointerDown(event) {
  if (event.button !== 0) return;
  const at = position(event);
  canvas.setPointerCapture(event.pointerId);
  down.set(event.pointerId, at);
  beginPinch();
  if (down.size === 1) Object.assign(gesture, { moved: 0, several: false, dividing: onDivider(at) });
  else Object.assign(gesture, { several: true, dividing: false });
  canvas.classList.add("dragging");
  read(at);
}

function pointerMove(event) {
  const at = position(event);
  const before = down.get(event.pointerId);
  read(at);
  canvas.classList.toggle("dividing", gesture.dividing || onDivider(at));
  if (!before) return;
  gesture.moved += Math.hypot(at.x - before.x, at.y - before.y);
  down.set(event.pointerId, at);
  if (gesture.dividing) setDivider(at.x / canvas.width);
  else if (down.size === 1) moveBy(at.x - before.x, at.y - before.y);
  else if (down.size === 2) pinch();
}

function beginPinch() {
  const { scale, x, y } = state;
  gesture.pinch = down.size === 2 ? { scale, x, y, fingers: between(...down.values()) } : null;
}

// From where both fingers were at first: the order in which they are told of cannot matter.
function pinch() {
  const { fingers: before, ...from } = gesture.pinch;
  const now = between(...down.values());
  carry(from, (from.scale * now.distance) / before.distance, before, now);
}

function between(first, second) {
  const distance = Math.max(1, Math.hypot(first.x - second.x, first.y - second.y));
  return { x: (first.x + second.x) / 2, y: (first.y + second.y) / 2, distance };
}

function pointerUp(event) {
  if (!down.delete(event.pointerId)) return;
  beginPinch();
  if (down.size > 0) return;
  canvas.classList.remove("dragging");
  const at = position(event);
  const isTap = event.type === "pointerup" && !gesture.several && gesture.moved < TAP.pixels * devicePixelRatio;
  const last = gesture.lastTap;
  const again =
    isTap &&
    last !== null &&
    event.timeStamp - last.time < TAP.milliseconds &&
    Math.hypot(at.x - last.x, at.y - last.y) < 2 * TAP.pixels * devicePixelRatio;
  if (again && !gesture.dividing) {
    if (state.fitted) toPixels(at);
    else fit();
  }
  gesture.lastTap = isTap && !again ? { ...at, time: event.timeStamp } : null;
  gesture.dividing = false;
}

// What a finger has touched can be read when it is gone.
function pointerLeave(event) {
  if (event.pointerType === "mouse") element("readout").textContent = "";
}

function wheel(event) {
  event.preventDefault();
  const lines = event.deltaMode === 0 ? 1 : 33;
  const speed = event.ctrlKey ? 0.01 : 0.002; // a trackpad's pinch comes as a wheel with Ctrl, in small steps
  zoomTo(state.scale * Math.exp(-event.deltaY * lines * speed), position(event));
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else element("stage").requestFullscreen();
}

function chooseView(view) {
  if (MODES[state.mode].which) setWhich(view);
  else setMode(["first", "second"][view]);
}

const STEP = 40; // device pixels of an arrow key
const ACTIONS = {
  "+": () => zoomInTheMiddle(1.25),
  "=": () => zoomInTheMiddle(1.25), // the same key, without Shift
  "-": () => zoomInTheMiddle(0.8),
  0: fit,
  p: () => toPixels(),
  f: () => document.fullscreenEnabled && fullScreen(),
  i: () => element("facts").showModal(),
  "?": () => element("keys").showModal(),
  l: () => chooseView(0),
  r: () => chooseView(1),
  ",": () => setShift(state.shift - 1),
  ".": () => setShift(state.shift + 1),
  " ": () => state.mode === "wiggle" && play(!state.playing),
  ArrowLeft: () => moveBy(STEP, 0),
  ArrowRight: () => moveBy(-STEP, 0),
  ArrowUp: () => moveBy(0, STEP),
  ArrowDown: () => moveBy(0, -STEP),
};

function keyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const isSlider = event.target instanceof HTMLInputElement;
  const isButton = event.target instanceof HTMLButtonElement;
  if ((isSlider && event.key.startsWith("Arrow")) || (isButton && event.key === " ")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const mode = AVAILABLE[Number(key) - 1];
  const action = mode ? () => setMode(mode) : ACTIONS[key];
  if (!action) return;
  event.preventDefault();
  action();
}

// A button of a group of which one is pressed. After a click of a pointer, keys are for the picture again.
function addChoice(group, value, label, title, choose) {
  const button = Object.assign(document.createElement("button"), { type: "button", value, textContent: label, title });
  button.addEventListener("click", (event) => {
    choose();
    if (event.detail > 0) canvas.focus();
  });
  element(group).append(button);
}

function connect() {
  AVAILABLE.forEach((mode, i) =>
    addChoice("modes", mode, MODES[mode].label, `${MODES[mode].label} (${i + 1})`, () => setMode(mode)),
  );
  data.views.forEach((name, view) => addChoice("which", String(view), name, name, () => setWhich(view)));
  for (const [keys, what] of KEYS) {
    for (const [tag, text] of [["dt", keys], ["dd", what]]) {
      element("key-list").append(Object.assign(document.createElement(tag), { textContent: text }));
    }
  }
  const clicks = {
    "zoom-in": ACTIONS["+"], "zoom-out": ACTIONS["-"], fit, pixels: ACTIONS.p, "full-screen": fullScreen,
    "show-facts": ACTIONS.i, "show-keys": ACTIONS["?"], play: () => play(!state.playing),
  };
  for (const [id, action] of Object.entries(clicks)) element(id).addEventListener("click", () => action());
  const slides = {
    shift: (value) => setShift(value), divider: (value) => setDivider(value / 100),
    gain: (value) => changed(Object.assign(state, { gain: 2 ** value })), speed: () => play(state.playing),
  };
  for (const [id, action] of Object.entries(slides)) {
    element(id).addEventListener("input", (event) => action(Number(event.target.value)));
  }
  const listeners = {
    pointerdown: pointerDown, pointermove: pointerMove, pointerup: pointerUp, pointercancel: pointerUp,
    pointerleave: pointerLeave,
  };
  for (const [type, listener] of Object.entries(listeners)) canvas.addEventListener(type, listener);
  canvas.addEventListener("wheel", wheel, { passive: false });
  document.addEventListener("keydown", keyDown);
  calm.addEventListener("change", () => calm.matches && play(false));
  element("full-screen").hidden = !document.fullscreenEnabled;
}

async function start() {
  document.documentElement.classList.add("viewing");
  const limit = Math.max(1, Math.round(shown.width / 10));
  Object.assign(element("shift"), { min: -limit, max: limit });
  connect();
  new ResizeObserver(resized).observe(canvas);
  const images = (kind) => [...document.querySelectorAll(`#sources img[data-kind="${kind}"]`)];
  const [decoded, original] = [images("decoded"), images("original")];
  try {
    await Promise.all([...decoded, ...original].map((image) => image.decode()));
    if (data.depth) await startDepth(decoded, original);
    Object.assign(pictures, { decoded, original });
  } catch (error) {
    Object.assign(element("message"), { hidden: false, textContent: `The pictures cannot be shown: ${error.message}` });
    throw error;
  }
  setMode(AVAILABLE[0]);
  document.documentElement.dataset.ready = "yes";
}

// Puts the pictures of depth beside those of colour.
async function startDepth(decoded, original) {
  const maps = await Promise.all(data.depth.maps.map(unpacked));
  const range = rangeOf(maps);
  Object.assign(pictures, { maps, range });
  [decoded, original].forEach((list, index) => maps[index] && list.push(coloured(maps[index], range)));
  showLegend(range);
}

start();
