// A curve over steps: lines and dots, axes, and what lies under the pointer or,
// by the arrow keys, under a cursor.

import {attribute, h, makeLive, makePool, svg, text, toggle} from '/dom.js';
import {round, short} from '/format.js';
import {linear, nearest, range, thin, ticks} from '/scale.js';

const HEIGHT = 190;
// Lines have no points nearer to each other than this, in pixels.
const NEAR = 1.5;
const MAX_DOTS = 60;
const MARGIN = {left: 46, right: 12, top: 10, bottom: 22};

// series: [{name, className, dots}], in the order of update's lists.
// format: of a value; axis: of a round one; empty: what is said while there is
// nothing to see. Lists: [{x, y, note}] in order of x.
export function makeChart(title, unit, series, {format = short, axis = round, fromZero, empty} = {}) {
  const heading = h('h3', {}, title);
  const latest = makeLive();
  const legend = h('span.legend', {}, ...(series.length < 2 ? [] : series.map(
    (one) => h('span', {class: 'key ' + one.className}, one.name))));
  const grid = svg('g.grid', {});
  const lines = series.map((one) => svg('path', {class: one.className}));
  const dots = series.map((one) => svg('g', {class: 'dots ' + one.className}));
  const dotsOf = dots.map((group) => makePool(
    group, () => svg('circle', {r: 2.5})));
  const rules = makePool(grid, () => svg('line', {}));
  const values = makePool(grid, () => svg('text.y', {dy: '0.32em'}));
  const steps = makePool(grid, () => svg('text.x', {y: HEIGHT - 5}));
  const cursor = svg('line.cursor', {});
  const mark = svg('circle.mark', {r: 3.5});
  const under = svg('text.unit', {x: MARGIN.left, y: HEIGHT - 5});
  const picture = svg('svg', {role: 'img', height: HEIGHT}, grid, under,
                      ...lines, ...dots, cursor, mark);
  const tip = h('div.tip', {role: 'status', hidden: true});
  const none = h('p.empty', {}, empty ?? 'No step has been made yet.');
  const plot = h('div.plot', {tabindex: 0, role: 'group',
                              'aria-label': `${title}: arrow keys read values`},
                 picture, tip, none);
  const element = h('section.card.chart', {},
                    h('header', {}, heading, legend,
                      h('span.latest', {}, latest.element)), plot);

  let lists = series.map(() => []);
  let chosen = null;  // index into the first list that has points
  let scales = null;
  let width = 0;  // of the plot, in pixels

  const main = () => lists.reduce((a, b) => (b.length > a.length ? b : a), []);

  function draw() {
    const points = main();
    toggle(picture, points.length > 0);
    toggle(none, points.length === 0);
    if (width === 0 || points.length === 0) return;
    const all = lists.flat();
    const xs = [0, Math.max(...all.map((point) => point.x), 1)];
    const ys = range(all.map((point) => point.y), {fromZero});
    const x = linear(xs, [MARGIN.left, width - MARGIN.right]);
    const y = linear(ys, [HEIGHT - MARGIN.bottom, MARGIN.top]);
    scales = {x, y, xs, width};
    attribute(picture, 'viewBox', `0 0 ${width} ${HEIGHT}`);
    attribute(picture, 'width', width);
    drawGrid(x, y, xs, ys, width);
    lists.forEach((list, i) => {
      attribute(lines[i], 'd', series[i].dots && list.length < 2 ? ''
        : thin(list, (point) => x(point.x), NEAR)
          .map((point, n) => (n ? 'L' : 'M') + x(point.x).toFixed(1) + ' ' +
            Math.max(0, y(point.y)).toFixed(1)).join(''));
      const dotted = series[i].dots && list.length <= MAX_DOTS ? list : [];
      dotsOf[i](dotted.length).forEach((dot, n) => {
        attribute(dot, 'cx', x(dotted[n].x).toFixed(1));
        attribute(dot, 'cy', y(dotted[n].y).toFixed(1));
      });
    });
    picture.setAttribute('aria-label', `${title} over steps, now ` +
      `${format(points[points.length - 1].y)} ${unit}`);
    showChosen();
  }

  function drawGrid(x, y, xs, ys, width) {
    const high = ticks(ys[0], ys[1], 5);
    rules(high.length).forEach((rule, i) => {
      const at = y(high[i]).toFixed(1);
      for (const [name, value] of Object.entries({
        x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at})) {
        attribute(rule, name, value);
      }
    });
    values(high.length).forEach((element, i) => {
      attribute(element, 'x', MARGIN.left - 7);
      attribute(element, 'y', y(high[i]).toFixed(1));
      text(element, axis(high[i]));
    });
    const wide = ticks(xs[0], xs[1], Math.max(2, Math.floor(width / 90)))
      .filter((value) => value !== 0);
    steps(wide.length).forEach((element, i) => {
      attribute(element, 'x', x(wide[i]).toFixed(1));
      text(element, round(wide[i]));
    });
    text(under, 'step');
  }

  function showChosen() {
    const points = main();
    const shown = chosen !== null && points.length > 0 && scales !== null;
    cursor.style.display = mark.style.display = shown ? '' : 'none';
    toggle(tip, shown);
    if (!shown) return;
    chosen = Math.max(0, Math.min(points.length - 1, chosen));
    const point = points[chosen];
    const at = scales.x(point.x);
    for (const [name, value] of Object.entries({
      x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom})) {
      cursor.setAttribute(name, value);
    }
    mark.setAttribute('cx', at);
    mark.setAttribute('cy', scales.y(point.y));
    const rows = [h('b', {}, 'step ' + point.x.toLocaleString('en-US'))];
    lists.forEach((list, i) => {
      if (list.length === 0) return;
      const near = list === points ? point
        : list[nearest(list, point.x, (item) => item.x)];
      rows.push(h('span', {class: 'key ' + series[i].className},
                  `${series[i].name} ${format(near.y)}` +
                  (near.note ? `, ${near.note}` : '')));
    });
    tip.replaceChildren(...rows);
    const left = at > scales.width / 2;
    tip.style.left = left ? '' : `${at + 10}px`;
    tip.style.right = left ? `${scales.width - at + 10}px` : '';
  }

  plot.addEventListener('pointermove', (event) => {
    if (scales === null || main().length === 0) return;
    const box = plot.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) /
      (scales.width - MARGIN.left - MARGIN.right);
    chosen = nearest(main(), share * scales.xs[1], (point) => point.x);
    showChosen();
  });
  const leave = () => { chosen = null; showChosen(); };
  plot.addEventListener('pointerleave', leave);
  plot.addEventListener('blur', leave);
  plot.addEventListener('keydown', (event) => {
    const move = {ArrowLeft: -1, ArrowRight: 1, Home: -1e9, End: 1e9,
                  PageUp: -20, PageDown: 20}[event.key];
    if (move === undefined || main().length === 0) return;
    event.preventDefault();
    chosen = (chosen ?? main().length) + move;
    showChosen();
  });
  // To ask for the width would have the browser lay out all that has changed.
  const observer = new ResizeObserver(([entry]) => {
    width = Math.floor(entry.contentRect.width);
    draw();
  });
  observer.observe(plot);

  return {
    element,
    update(now, latestText) {
      latest.update(latestText);
      if (now.every((list, i) => list === lists[i])) return;
      lists = now;
      draw();
    },
    stop: () => observer.disconnect(),
  };
}
