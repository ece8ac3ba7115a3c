// Where each photo lies, worked out for all of them at once: rows of one height that fill the width, or squares.

const HEADER = 46;
const NARROWEST = 0.45, WIDEST = 3.2;

// `sections`: photos of one month each, or one of all. Everything in CSS pixels from the top left corner of the first section.
export function laidOut({ number, days, shapes }, { width, side, gap, square, grouped }) {
  const lefts = new Float32Array(number), widths = new Float32Array(number), rowOf = new Uint32Array(number);
  const rows = { first: [], top: [], height: [] }, sections = [];
  let top = 0;
  for (let at = 0; at < number;) {
    const end = grouped ? monthEnd(days, number, at) : number;
    sections.push({ first: at, number: end - at, day: days[at], top, headed: grouped });
    if (grouped) top += HEADER;
    while (at < end) {
      const { next, height } = row(at, end);
      rows.first.push(at);
      rows.top.push(top);
      rows.height.push(height);
      rowOf.fill(rows.first.length - 1, at, next);
      top += height + gap;
      at = next;
    }
    top += grouped ? 10 : 0;
  }
  return { number, lefts, widths, rowOf, rows, sections, height: top };

  function row(first, end) {
    return square ? squares(first, end) : justified(first, end);
  }

  function squares(first, end) {
    const columns = Math.max(2, Math.floor((width + gap) / (side + gap)));
    const size = (width - gap * (columns - 1)) / columns;
    const next = Math.min(first + columns, end);
    for (let at = first; at < next; at += 1) {
      lefts[at] = (at - first) * (size + gap);
      widths[at] = size;
    }
    return { next, height: size };
  }

  // As many as fit at the wanted height, or one more where that comes nearer to it; the last row of a section is not stretched.
  function justified(first, end) {
    let shape = 0, next = first, height = side;
    while (next < end) {
      const wider = shape + shapeOf(next), lower = (width - gap * (next - first)) / wider;
      if (lower < side && next > first && side - lower > height - side) break;
      shape = wider;
      height = lower;
      next += 1;
      if (lower <= side) break;
    }
    if (height > side && next === end) height = Math.min(height, side);
    let left = 0;
    for (let at = first; at < next; at += 1) {
      lefts[at] = left;
      widths[at] = shapeOf(at) * height;
      left += widths[at] + gap;
    }
    return { next, height };
  }

  function shapeOf(at) {
    return Math.min(Math.max(shapes[at] / 1000, NARROWEST), WIDEST);
  }
}

function monthEnd(days, number, at) {
  const month = Math.floor(days[at] / 100);
  let end = at;
  while (end < number && Math.floor(days[end] / 100) === month) end += 1;
  return end;
}

// Number of the last of ascending `values` that is not above `value`; 0 where all are.
export function lastUpTo(values, value) {
  let low = 0, high = values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (values[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function rectOf({ lefts, widths, rowOf, rows }, at) {
  const row = rowOf[at];
  return { left: lefts[at], top: rows.top[row], width: widths[at], height: rows.height[row] };
}

// The photo that an arrow or another key leads to from one; undefined for other keys.
export function stepFrom(layout, at, key, page) {
  const last = layout.number - 1;
  const inRow = (row, middle) => {
    const first = layout.rows.first[row], end = layout.rows.first[row + 1] ?? layout.number;
    let best = first;
    for (let other = first; other < end; other += 1) {
      if (Math.abs(centre(other) - middle) < Math.abs(centre(best) - middle)) best = other;
    }
    return best;
  };
  const centre = (other) => layout.lefts[other] + layout.widths[other] / 2;
  const byRows = (wanted) => {
    const row = Math.min(Math.max(wanted, 0), layout.rows.first.length - 1);
    return row === layout.rowOf[at] ? at : inRow(row, centre(at));
  };
  const top = layout.rows.top[layout.rowOf[at]];
  if (key === "ArrowLeft") return Math.max(at - 1, 0);
  if (key === "ArrowRight") return Math.min(at + 1, last);
  if (key === "ArrowUp") return byRows(layout.rowOf[at] - 1);
  if (key === "ArrowDown") return byRows(layout.rowOf[at] + 1);
  if (key === "PageUp") return byRows(Math.min(lastUpTo(layout.rows.top, top - page), layout.rowOf[at] - 1));
  if (key === "PageDown") return byRows(Math.max(lastUpTo(layout.rows.top, top + page), layout.rowOf[at] + 1));
  return { Home: 0, End: last }[key];
}

// What a frame shows of a picture that covers it, with the middle of `box` (shares of the picture's sides) as near the frame's middle as it can
// be: across, then down, the picture's `length` and where the frame starts in it, in sides of the frame; `shown` is what CSS calls the place.
// `aspect` and `frame`: width / height.
export function shownBy(box, aspect, frame) {
  const lengths = aspect > frame ? [aspect / frame, 1] : [1, frame / aspect];
  return lengths.map((length, way) => {
    const spare = length - 1, middle = ((box[way] + box[way + 2]) / 2) * length;
    const start = Math.min(Math.max(middle - 0.5, 0), spare);
    return { length, start, shown: spare > 0.001 ? start / spare : 0.5 };
  });
}

// Where a box of the picture lies in that frame: left, top, width and height as shares of its sides; null where it is out of sight.
export function boxIn(window, box) {
  const [left, top, right, bottom] = box.map((edge, at) => Math.min(Math.max(edge * window[at % 2].length - window[at % 2].start, 0), 1));
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
}
