// Elements, and keeping them in line with what is known without making them
// anew, so that focus, selection and memory stay as they are.

// h('td.number', {title: 'x'}, 'text', child, ...)
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  return fill(document.createElement(name), classes, attributes, children);
}

export function svg(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  return fill(document.createElementNS('http://www.w3.org/2000/svg', name),
              classes, attributes, children);
}

function fill(element, classes, attributes, children) {
  if (classes.length) element.setAttribute('class', classes.join(' '));
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children);
  return element;
}

// Writes only what is another than before, into the text that is there.
export function text(element, value) {
  const string = String(value);
  const node = element.firstChild;
  if (node === null || node !== element.lastChild || !('data' in node)) {
    element.textContent = string;
  } else if (node.data !== string) {
    node.data = string;
  }
}

// Words that change every second, in a line of their own. The browser lays out
// them and nothing else, since their room does not depend on them: it is that
// of the longest words so far.
export function makeLive() {
  const element = h('span.live', {});
  let longest = 0;
  return {
    element,
    update: (words) => {
      text(element, words);
      if (words.length <= longest) return;
      longest = words.length;
      element.style.containIntrinsicInlineSize = `${longest}ch`;
    },
  };
}

export function attribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

export function toggle(element, shown) {
  // The attribute: elements of SVG have no such property.
  element.toggleAttribute('hidden', !shown);
}

// Children of `parent` that stand for items, in their order. make(item) returns
// {element, update(item)}.
export function makeList(parent, keyOf, make) {
  const rows = new Map();
  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    let place = parent.firstChild;
    for (const item of items) {
      const key = keyOf(item);
      if (!rows.has(key)) rows.set(key, make(item));
      const row = rows.get(key);
      row.update(item);
      if (row.element === place) place = place.nextSibling;
      else parent.insertBefore(row.element, place);
    }
  };
}

// Elements that make() makes, kept at the end of `parent`: as many as are asked
// for, and those that are there are used again.
export function makePool(parent, make) {
  const all = [];
  return (count) => {
    while (all.length < count) {
      all.push(make());
      parent.append(all[all.length - 1]);
    }
    while (all.length > count) all.pop().remove();
    return all;
  };
}

// A table of `columns`: {title, class, cell(item) -> text, or set(td, item)};
// `live` are those whose text changes every second. Returns {element,
// update(items)}; `empty` is shown instead of no rows.
export function makeTable(caption, columns, keyOf, empty, rowClass) {
  const head = h('tr', {}, ...columns.map(
    (column) => h('th', {scope: 'col', class: column.class,
                         title: column.hint}, column.title)));
  const body = h('tbody', {});
  const table = h('table', {}, h('caption.hidden', {}, caption),
                  h('thead', {}, head), body);
  const none = h('p.empty', {}, empty);
  const element = h('div.scroll', {tabindex: 0, role: 'region',
                                   'aria-label': caption}, table, none);
  const sync = makeList(body, keyOf, (item) => {
    const cells = columns.map((column) => h('td', {
      class: column.class, 'data-title': column.title}));
    const words = columns.map((column, i) => {
      if (!column.live) return {update: (now) => text(cells[i], now)};
      const live = makeLive();
      cells[i].append(live.element);
      return live;
    });
    const row = h('tr', {}, ...cells);
    return {
      element: row,
      update: (now) => {
        if (rowClass) attribute(row, 'class', rowClass(now));
        columns.forEach((column, i) => {
          if (column.set) column.set(cells[i], now);
          else words[i].update(column.cell(now));
        });
      },
    };
  });
  return {
    element,
    update: (items) => {
      toggle(table, items.length > 0);
      toggle(none, items.length === 0);
      sync(items);
    },
  };
}

// A bar that is full at 1.
export function makeBar(label, className = '') {
  const inner = h('span', {});
  const element = h('span.meter', {role: 'progressbar', 'aria-label': label,
                                   'aria-valuemin': 0, 'aria-valuemax': 100,
                                   class: 'meter ' + className}, inner);
  return {
    element,
    update: (share, state = '') => {
      const percent = Math.max(0, Math.min(100, 100 * share));
      attribute(element, 'aria-valuenow', percent.toFixed(1));
      attribute(element, 'data-state', state);
      // Moved, not made wider: nothing is laid out.
      const place = `translateX(${(percent - 100).toFixed(2)}%)`;
      if (inner.style.transform !== place) inner.style.transform = place;
    },
  };
}
