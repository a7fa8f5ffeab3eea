// Looks at every box of the page as it stands, and returns a sentence for each thing that is wrong:
// what leaves the box that it is in, what lies over something else, and text that is cut or broken.
() => {
  scrollTo(0, 0);
  const SLACK = 1.5; // pixels that rounding and the height of a line may make
  const found = new Set();
  const width = document.documentElement.clientWidth;

  const named = (element) => {
    const classes = [...element.classList].map((each) => `.${each}`).join("");
    return `${element.localName}${element.id ? `#${element.id}` : ""}${classes}`;
  };
  const shortened = (text) => (text.length > 40 ? `${text.slice(0, 37)}...` : text);
  const told = ({ element, text }) => (text ? `${named(element)} "${shortened(text)}"` : named(element));
  const style = (element) => getComputedStyle(element);
  const scrolls = (element) => /auto|scroll/.test(style(element).overflowY);
  const isBox = (element) => !/inline|contents/.test(style(element).display) || /^inline-/.test(style(element).display);
  // What floats over the page is measured by itself: a dialog, a message at the edge of the window.
  const floats = (element) => element.matches("dialog, body") || style(element).position === "fixed";
  const ancestors = function* (element) {
    for (let each = element.parentElement; each; each = each.parentElement) yield each;
  };
  const layer = (element) => {
    for (let each = element; each; each = each.parentElement) if (floats(each)) return each;
    return document.body;
  };
  const isShown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true }) && width > 1 && height > 1; // one pixel is for screen readers
  };

  // The part of a rectangle that what scrolls around it leaves to be seen.
  const seen = (element, { left, right, top, bottom }) => {
    for (const each of ancestors(element)) {
      if (!scrolls(each) || each === document.documentElement || each === document.body) continue;
      const around = each.getBoundingClientRect();
      [top, bottom] = [Math.max(top, around.top), Math.min(bottom, around.bottom)];
    }
    return { left, right, top, bottom };
  };

  const elements = [...document.body.querySelectorAll("*")].filter((each) => !each.closest("svg *") && isShown(each));
  const things = []; // what is drawn: lines of text, and elements that have nothing in them
  for (const element of elements) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    for (const node of texts) {
      const range = document.createRange();
      range.selectNodeContents(node);
      const lines = [...range.getClientRects()].filter((each) => each.width > 0);
      for (const rectangle of lines) things.push({ element, rectangle, text: node.data.trim() });
      for (const { 0: word, index } of node.data.matchAll(/[^\s\-/·]+/g)) {
        range.setStart(node, index);
        range.setEnd(node, index + word.length);
        const tops = new Set([...range.getClientRects()].map((each) => Math.round(each.top)));
        if (tops.size > 1 && word.length <= 16) found.add(`${told({ element, text: node.data.trim() })}: the word "${word}" is broken`);
      }
    }
    if (element.matches("svg") || (!element.firstElementChild && !texts.length)) things.push({ element, rectangle: element.getBoundingClientRect(), text: "" });
  }

  // Text that is cut, or that has to be scrolled sideways
  for (const element of elements) {
    const { overflowX, overflowY } = style(element);
    const text = element.textContent.trim();
    if (element.matches("input")) {
      const pen = document.createElement("canvas").getContext("2d");
      pen.font = style(element).font;
      const space = element.clientWidth - parseFloat(style(element).paddingLeft) - parseFloat(style(element).paddingRight);
      const needed = pen.measureText(element.placeholder).width;
      if (!element.value && needed > space + SLACK) found.add(`${named(element)}: the placeholder "${element.placeholder}" is cut`);
    } else if (overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1) {
      found.add(`${told({ element, text })} is cut: it is ${element.scrollWidth - element.clientWidth} px too wide`);
    } else if (/hidden|clip/.test(overflowY) && element.scrollHeight > element.clientHeight + 1) {
      found.add(`${told({ element, text })} is cut: it is ${element.scrollHeight - element.clientHeight} px too high`);
    }
  }

  // What leaves the window, or a box that it is in
  const beyond = (inner, outer, sideways) => Object.entries({
    left: outer.left - inner.left, right: inner.right - outer.right,
    ...(sideways ? {} : { top: outer.top - inner.top, bottom: inner.bottom - outer.bottom }),
  }).filter(([, pixels]) => pixels > SLACK).map(([side, pixels]) => `${Math.round(pixels)} px at the ${side}`);
  const boxes = elements.filter(isBox).map((element) => ({ element, rectangle: element.getBoundingClientRect(), text: "" }));
  for (const thing of [...things, ...boxes]) {
    const { element, rectangle, text } = thing;
    const out = beyond(rectangle, { left: 0, right: width }, true);
    if (out.length) found.add(`${told(thing)} leaves the window by ${out}`);
    if (layer(element) === element) {
      if (element.matches("dialog") || style(element).position === "fixed") {
        const high = beyond(rectangle, { left: 0, right: width, top: 0, bottom: innerHeight }, false);
        if (high.length) found.add(`${told(thing)} leaves the window by ${high}`);
      }
      continue;
    }
    let sideways = false;
    for (const around of text ? [element, ...ancestors(element)] : ancestors(element)) {
      sideways ||= scrolls(around);
      if (!isBox(around)) continue;
      const left = beyond(rectangle, around.getBoundingClientRect(), sideways);
      if (left.length) {
        found.add(`${told(thing)} leaves ${named(around)} by ${left}`);
        break;
      }
      if (floats(around)) break;
    }
  }
  const tooWide = document.documentElement.scrollWidth - width;
  if (tooWide > 0) found.add(`the page is ${tooWide} px wider than the window`);

  // What lies over something else
  const compare = (one, other) => {
    const [a, b] = [one.rectangle, other.rectangle];
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across <= SLACK || down <= 2 * SLACK) return;
    found.add(`${told(one)} and ${told(other)} overlap by ${Math.round(across)} x ${Math.round(down)} px`);
  };
  const flat = things.map((thing) => ({ ...thing, layer: layer(thing.element), rectangle: seen(thing.element, thing.rectangle) }));
  for (const [index, one] of flat.entries()) {
    for (const other of flat.slice(index + 1)) {
      if (one.layer === other.layer && one.element !== other.element) compare(one, other);
    }
  }
  for (const [index, one] of boxes.entries()) {
    for (const other of boxes.slice(index + 1)) {
      if (one.element.parentElement === other.element.parentElement && layer(one.element) === layer(other.element)) compare(one, other);
    }
  }
  return [...found];
}
