// Looks at every box of the page as it stands, and returns a sentence for each thing that is wrong:
// what leaves the box that it is in, what lies over something else, and text that is cut or broken.
() => {
  scrollTo(0, 0);
  const SLACK = 1.5; // pixels that rounding may make
  const LEADING = 3; // pixels by which lines of text may come into each other, as letters do not fill them
  const WORD = 16; // letters of a word that may not be broken
  const found = new Set();
  const width = document.documentElement.clientWidth;

  const once = (work) => {
    const known = new Map();
    return (element) => {
      if (!known.has(element)) known.set(element, work(element));
      return known.get(element);
    };
  };
  const style = once((element) => getComputedStyle(element));
  const rectangleOf = once((element) => element.getBoundingClientRect());
  const scrolls = once((element) => /auto|scroll/.test(style(element).overflowY));
  const isBox = once((element) => !/^(inline|contents)$/.test(style(element).display));
  // What floats over the page is measured by itself: a dialog, a message at the edge of the window.
  const floats = once((element) => element.matches("dialog") || style(element).position === "fixed");
  const around = once((element) => (element.parentElement ? [element.parentElement, ...around(element.parentElement)] : []));
  const layer = once((element) => [element, ...around(element)].find(floats) ?? document.body);

  const named = (element) => `${element.localName}${element.id && `#${element.id}`}${[...element.classList].map((each) => `.${each}`).join("")}`;
  const told = ({ element, text }) => `${named(element)}${text && ` "${text.length > 40 ? `${text.slice(0, 37)}...` : text}"`}`;

  const elements = [...document.body.querySelectorAll("*")].filter((element) =>
    !element.closest("svg *") && element.checkVisibility({ visibilityProperty: true }) &&
    rectangleOf(element).width > 1 && rectangleOf(element).height > 1); // one pixel is for screen readers
  const boxes = elements.filter(isBox).map((element) => ({ element, rectangle: rectangleOf(element), text: "" }));
  const things = []; // what is drawn: lines of text, and elements that have nothing in them
  for (const element of elements) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    for (const node of texts) {
      const text = node.data.trim();
      const range = document.createRange();
      range.selectNodeContents(node);
      const lines = [...range.getClientRects()].filter((line) => line.width > 0);
      for (const rectangle of lines) things.push({ element, rectangle, text });
      if (lines.length === 1) continue;
      for (const { 0: word, index } of node.data.matchAll(/[^\s\-/·]+/g)) {
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        const tops = new Set([...range.getClientRects()].map((line) => Math.round(line.top)));
        if (tops.size > 1 && word.length <= WORD) found.add(`${told({ element, text })}: the word "${word}" is broken`);
      }
    }
    if (element.matches("svg") || (!element.firstElementChild && !texts.length)) {
      things.push({ element, rectangle: rectangleOf(element), text: "" });
    }
  }

  // Text that is cut, or that has to be scrolled sideways
  for (const element of elements) {
    const { overflowX, overflowY, font, paddingLeft, paddingRight } = style(element);
    const text = element.textContent.trim();
    const tooWide = element.scrollWidth - element.clientWidth;
    const tooHigh = element.scrollHeight - element.clientHeight;
    if (element.matches("input")) {
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = font;
      const space = element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
      const isCut = !element.value && pen.measureText(element.placeholder).width > space + SLACK;
      if (isCut) found.add(`${named(element)}: the placeholder "${element.placeholder}" is cut`);
    } else if (overflowX !== "visible" && tooWide > 1) {
      found.add(`${told({ element, text })} is cut: it is ${tooWide} px too wide`);
    } else if (/hidden|clip/.test(overflowY) && tooHigh > 1) {
      found.add(`${told({ element, text })} is cut: it is ${tooHigh} px too high`);
    }
  }

  // What leaves the window, or a box that it is in
  const leaves = (thing, name, outer) => {
    const { left, right, top, bottom } = thing.rectangle;
    const beyond = { left: outer.left - left, right: right - outer.right, top: outer.top - top, bottom: bottom - outer.bottom };
    const sides = Object.entries(beyond).filter(([, pixels]) => pixels > SLACK);
    if (sides.length) found.add(`${told(thing)} leaves ${name} by ${sides.map(([side, pixels]) => `${Math.round(pixels)} px at the ${side}`)}`);
    return sides.length > 0;
  };
  for (const thing of [...things, ...boxes]) {
    const { element, text } = thing;
    leaves(thing, "the window", { left: 0, right: width, ...(floats(element) && { top: 0, bottom: innerHeight }) });
    let scrolled = {}; // above and below, what can be scrolled may be outside
    for (const outer of text ? [element, ...around(element)] : around(element)) {
      if (layer(outer) !== layer(element)) break;
      if (scrolls(outer)) scrolled = { top: -Infinity, bottom: Infinity };
      const { left, right, top, bottom } = rectangleOf(outer);
      if (isBox(outer) && leaves(thing, named(outer), { left, right, top, bottom, ...scrolled })) break;
    }
  }
  const tooWide = document.documentElement.scrollWidth - width;
  if (tooWide > 0) found.add(`the page is ${tooWide} px wider than the window`);

  // What lies over something else
  const overlap = (things, mayOverlap) => {
    things.sort((one, other) => one.rectangle.top - other.rectangle.top);
    for (const [index, one] of things.entries()) {
      for (let next = index + 1; next < things.length; next++) {
        const other = things[next];
        const down = Math.min(one.rectangle.bottom, other.rectangle.bottom) - other.rectangle.top;
        if (down <= 0) break;
        const across = Math.min(one.rectangle.right, other.rectangle.right) - Math.max(one.rectangle.left, other.rectangle.left);
        if (down <= LEADING || across <= SLACK || layer(one.element) !== layer(other.element) || mayOverlap(one, other)) continue;
        found.add(`${told(one)} and ${told(other)} overlap by ${Math.round(across)} x ${Math.round(down)} px`);
      }
    }
  };
  // The part that what scrolls around it leaves to be seen.
  const seen = (element, { left, right, top, bottom }) => {
    for (const outer of around(element).filter(scrolls)) {
      top = Math.max(top, rectangleOf(outer).top);
      bottom = Math.min(bottom, rectangleOf(outer).bottom);
    }
    return { left, right, top, bottom };
  };
  overlap(things.map((thing) => ({ ...thing, rectangle: seen(thing.element, thing.rectangle) })), (one, other) => one.element === other.element);
  overlap(boxes, (one, other) => one.element.parentElement !== other.element.parentElement);
  return [...found];
}
