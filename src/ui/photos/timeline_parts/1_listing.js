// All photos of the library, as the server packs them: 26 bytes each, column after column (services/search/browsing.py has the layout).

const PER_PHOTO = 26;

export function unpacked(buffer) {
  const number = Math.floor(buffer.byteLength / PER_PHOTO);
  return {
    number,
    days: new Uint32Array(buffer, 0, number),
    colours: new Uint32Array(buffer, 4 * number, number),
    shapes: new Uint16Array(buffer, 8 * number, number),
    ids: new Uint8Array(buffer, 10 * number, 16 * number),
  };
}

// The same of photos that the page names itself: results, {id, size, day, colour} and what else is to be shown of them.
export function listed(items) {
  const number = items.length;
  const listing = { number, items, days: new Uint32Array(number), colours: new Uint32Array(number), shapes: new Uint16Array(number), ids: new Uint8Array(16 * number) };
  items.forEach((item, at) => {
    const [width, height] = item.size;
    listing.days[at] = item.day;
    listing.colours[at] = item.colour;
    listing.shapes[at] = width && height ? Math.min(Math.max(Math.round((1000 * width) / height), 1), 65535) : 1000;
    item.id.replaceAll("-", "").match(/../g).forEach((pair, byte) => (listing.ids[16 * at + byte] = parseInt(pair, 16)));
  });
  return listing;
}

// Results without those that show the same picture as an earlier one (`of`: its id); of pictures in `unfolded` they come right behind it.
export function folded(items, unfolded) {
  const copies = new Map();
  for (const item of items) if (item.of) copies.set(item.of, [...(copies.get(item.of) ?? []), item]);
  return items.filter((item) => !item.of).flatMap((item) => {
    const own = copies.get(item.id) ?? [], open = unfolded.has(item.id);
    return own.length ? [{ ...item, copies: own.length, open }, ...(open ? own : [])] : [item];
  });
}

export function idAt(listing, at) {
  let text = "";
  for (let byte = 0; byte < 16; byte += 1) {
    if (byte === 4 || byte === 6 || byte === 8 || byte === 10) text += "-";
    text += listing.ids[16 * at + byte].toString(16).padStart(2, "0");
  }
  return text;
}

// Place of a photo, -1 where it is not there. `near`: where it was last.
export function placeOf(listing, id, near = 0) {
  const bytes = id.replaceAll("-", "").match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  const is = (at) => at >= 0 && at < listing.number && bytes.every((byte, number) => listing.ids[16 * at + number] === byte);
  if (bytes.length !== 16) return -1;
  if (is(near)) return near;
  for (let at = 0; at < listing.number; at += 1) if (is(at)) return at;
  return -1;
}

const MONTH = new Intl.DateTimeFormat("en", { month: "long", year: "numeric", timeZone: "UTC" });
const DAY = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", timeZone: "UTC" });
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "long", timeZone: "UTC" });

function asDate(day) {
  const date = new Date(0);
  date.setUTCFullYear(Math.floor(day / 10000), (Math.floor(day / 100) % 100) - 1, day % 100);
  return date;
}

// A day as a number such as 20240731, in words: "July 2024", "31 Wed", "July 31, 2024".
export const monthName = (day) => (day ? MONTH.format(asDate(day)) : "Undated");
export const dayName = (day) => (day ? DAY.format(asDate(day)) : "");
export const dateName = (day) => (day ? DATE.format(asDate(day)) : "no date");
