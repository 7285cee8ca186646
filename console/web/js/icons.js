// Small drawings: one shape per emotion family, so that colour never stands alone, and the signs of the navigation.

import { svg } from "./dom.js";

const FAMILY_PATHS = {
  joy: "M8 1.5l1.6 2.6 3-.7-.7 3L14.5 8l-2.6 1.6.7 3-3-.7L8 14.5l-1.6-2.6-3 .7.7-3L1.5 8l2.6-1.6-.7-3 3 .7z",
  anger: "M8 1.6L15 14H1z",
  sadness:
    "M8 1c2.6 3.6 4.6 5.900 4.600 8.700A4.600 4.600 0 0 1 8 14.500a4.600 4.600 0 0 1-4.600-4.800C3.400 6.900 5.400 4.600 8 1z",
  fear: "M8 1l6.500 7L8 15 1.500 8z",
  disgust: "M4.600 1.900h6.800L14.900 8l-3.500 6.100H4.600L1.100 8z",
  surprise: "M8 .8l1.900 5.300L15.200 8l-5.300 1.900L8 15.200 6.100 9.900.8 8l5.300-1.900z",
  neutral: "M2 6h12v4H2z",
  calm: "M1.500 8a6.500 6.500 0 0 1 13 0z M3 10.500h10v2H3z",
  power: "M6 1.500h4V6h4.500v4H10v4.500H6V10H1.500V6H6z",
  frustration: "M3.500 1.500L8 6l4.500-4.500 2 2L10 8l4.500 4.500-2 2L8 10l-4.500 4.500-2-2L6 8 1.500 3.500z",
  excitement: "M9.500.8L3 9h4l-1 6.200L13 6.500H8.800z",
  gratitude: "M8 14.200L2.300 8.300a3.500 3.500 0 0 1 5-4.900l.7.7.7-.7a3.500 3.500 0 0 1 5 4.900z",
  worry: "M1 10.500C3 5 5 5 8 8s5 3 7-2.500V10c-2 4-4.500 4-7.300 1.300S3 8.500 1 13z",
  depression: "M1 1.600h14L8 14z",
  positive: "M8 2a6 6 0 1 0 .01 0zm-.9 2.800h1.800v2.300h2.300v1.800H8.900v2.300H7.100V8.900H4.800V7.100h2.300z",
  negative: "M8 2a6 6 0 1 0 .01 0zM4.800 7.100h6.400v1.800H4.800z",
  other: "M8 2a6 6 0 1 0 .01 0z",
  outlier: "M8 1.500a6.500 6.500 0 1 0 .01 0zm0 2a4.500 4.500 0 1 1-.01 0z",
  unsupported: "M3.600 2L14 12.400 12.400 14 2 3.600z",
};

const SIGN_PATHS = {
  live: "M2 12h4l2.500-7 4 14 3-10 1.800 3H22",
  conversations: "M4 5h16v11H9l-5 4z",
  trends: "M4 19V5 M4 19h16 M7 15l4-5 3 3 5-7",
  review: "M5 12l4.500 4.500L19 7",
  alerts: "M12 4a5 5 0 0 0-5 5v4l-2 3h14l-2-3V9a5 5 0 0 0-5-5z M10 19h4",
  model: "M12 3l8 4.500v9L12 21l-8-4.500v-9z M4 7.500l8 4.500 8-4.500 M12 12v9",
  health: "M12 20S4 15 4 9a4 4 0 0 1 8-1.500A4 4 0 0 1 20 9c0 6-8 11-8 11z",
  theme: "M12 4a8 8 0 1 0 0 16z M12 4a8 8 0 0 1 0 16",
  keys: "M3 7h18v10H3z M7 14h10 M7 10h.01 M11 10h.01 M15 10h.01",
  pause: "M8 5v14 M16 5v14",
  play: "M7 5l12 7-12 7z",
  undo: "M9 7L4 12l5 5 M4 12h10a5 5 0 0 1 0 10h-1",
  away: "M14 4h6v6 M20 4l-9 9 M18 14v6H4V6h6",
};

// For labels that no family knows: see spare_labels.js.
const SPARE_PATHS = {
  house: "M8 1.500L15 8h-2v6.500H3V8H1z",
  arrow: "M1.500 6H8V2l6.500 6L8 14v-4H1.500z",
  roofs: "M2 7l6-5 6 5v3L8 5l-6 5z M2 12l6-5 6 5v3l-6-5-6 5z",
  moon: "M10.500 1.500a6.500 6.500 0 1 0 4 9.500A5.500 5.500 0 0 1 10.500 1.500z",
  glass: "M2.500 1.500h11L8 8l5.500 6.500h-11L8 8z",
  stairs: "M2 14V10h4V6h4V2h4v12z",
  frame: "M2 2h12v12H2z M5 5v6h6V5z",
  flag: "M3 1.500h10.500L10.500 5l3 3.500H5V15H3z",
};
export const SPARE_SHAPES = Object.keys(SPARE_PATHS);

const pathOf = (family) => FAMILY_PATHS[family] ?? SPARE_PATHS[family.split("-")[2]] ?? FAMILY_PATHS.other;

/** The shape of an emotion family; it is beside a name always, so it is hidden from screen readers. */
export function shape(family) {
  const path = svg("path", { d: pathOf(family), "fill-rule": "evenodd" });
  return svg("svg", { class: "shape", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, path);
}

/** The shape as a path for charts. */
export function shapePath(family) {
  return `path://${pathOf(family)}`;
}

/** A line drawing beside a word. */
export function sign(name) {
  const path = svg("path", { d: SIGN_PATHS[name] });
  return svg("svg", { class: "sign", viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, path);
}
