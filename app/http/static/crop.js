// A box over a picture that a person draws, moves and resizes, by pointer or by keyboard.

const LEAST = 0.02; // of a side of the picture
const STEP = 0.01;
const LARGE_STEP = 0.1;
const WHOLE = [0, 0, 1, 1];
const MOVES = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10 };

/** The box over a picture. */
export class CropBox {
  #frame;
  #edges;
  #changed;
  /** Left, top, right and bottom, as fractions of the picture. */
  #sides = WHOLE;

  /**
   * @param {HTMLElement} frame holds the picture, and the four edges as sliders.
   * @param {() => void} changed is called when the person has changed the box.
   */
  constructor(frame, changed) {
    this.#frame = frame;
    this.#changed = changed;
    this.#edges = [...frame.querySelectorAll("[role=slider]")];
    this.#edges.forEach((edge, side) => edge.addEventListener("keydown", (event) => this.#press(event, side)));
    frame.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#show();
  }

  /** The box as the API takes it; empty if it is the whole picture. */
  get value() {
    return this.#isWhole() ? "" : this.#sides.map((side) => Number(side.toFixed(4))).join(",");
  }

  /** Makes the whole picture the box. */
  reset() {
    this.#sides = WHOLE;
    this.#show();
  }

  #isWhole() {
    return this.#sides.every((side, at) => side === WHOLE[at]);
  }

  #show() {
    const names = ["--left", "--top", "--right", "--bottom"];
    this.#sides.forEach((side, at) => {
      const percent = Math.round(100 * side);
      this.#frame.style.setProperty(names[at], `${100 * side}%`);
      this.#edges[at].setAttribute("aria-valuenow", percent);
      this.#edges[at].setAttribute("aria-valuetext", `${percent} %`);
    });
  }

  /** Moves one side, not over the one across and not out of the picture. */
  #move(side, to) {
    const across = this.#sides[(side + 2) % 4];
    const limits = side < 2 ? [0, across - LEAST] : [across + LEAST, 1];
    this.#sides = this.#sides.map((old, at) => (at === side ? clamp(to, ...limits) : old));
  }

  #press(event, side) {
    let to;
    if (event.key in MOVES) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      to = this.#sides[side] + step * MOVES[event.key];
    } else if (event.key === "Home" || event.key === "End") {
      to = event.key === "Home" ? 0 : 1;
    } else {
      return;
    }
    event.preventDefault();
    this.#move(side, to);
    this.#show();
    this.#changed();
  }

  #drag(down) {
    if (!down.isPrimary || down.button !== 0) return;
    down.preventDefault(); // selects no text
    const before = this.#sides;
    const start = this.#point(down);
    const grips = this.#grips(down, start);
    const within = start.every((at, axis) => before[axis] < at && at < before[axis + 2]);
    const moves = within && !this.#isWhole();

    const follow = (event) => {
      const now = this.#point(event);
      if (grips.length) {
        for (const side of grips) this.#move(side, now[side % 2]);
      } else if (moves) {
        const shift = [0, 1].map((axis) => clamp(now[axis] - start[axis], -before[axis], 1 - before[axis + 2]));
        this.#sides = before.map((side, at) => side + shift[at % 2]);
      } else {
        const corners = [0, 1].map((axis) => [start[axis], now[axis]].sort((a, b) => a - b));
        const drawn = corners.every(([from, to]) => to - from >= LEAST);
        this.#sides = drawn ? [corners[0][0], corners[1][0], corners[0][1], corners[1][1]] : before;
      }
      this.#show();
    };
    const end = () => {
      this.#frame.removeEventListener("pointermove", follow);
      if (this.#sides.some((side, at) => side !== before[at])) this.#changed();
    };
    this.#frame.setPointerCapture(down.pointerId);
    this.#frame.addEventListener("pointermove", follow);
    this.#frame.addEventListener("lostpointercapture", end, { once: true });
  }

  /** Where in the picture a pointer is, as fractions. */
  #point(event) {
    const { left, top, width, height } = this.#frame.getBoundingClientRect();
    return [clamp((event.clientX - left) / width, 0, 1), clamp((event.clientY - top) / height, 0, 1)];
  }

  /** The sides that a pointer takes hold of: one, or the two of a corner. */
  #grips(event, point) {
    const { width, height } = this.#frame.getBoundingClientRect();
    const reach = event.pointerType === "touch" ? 24 : 10;
    const near = [0, 1].map((axis) => reach / [width, height][axis]);
    const beside = [0, 1].every(
      (axis) => this.#sides[axis] - near[axis] <= point[axis] && point[axis] <= this.#sides[axis + 2] + near[axis],
    );
    if (!beside) return [];
    return [0, 1, 2, 3].filter((side) => Math.abs(point[side % 2] - this.#sides[side]) <= near[side % 2]);
  }
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
