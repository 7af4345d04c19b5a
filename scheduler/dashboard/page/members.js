// Who works on a job: its workers, its servers, how stale gradients are.

import {attribute, h, makeBar, makeLive, makeTable, text, toggle}
  from '/dom.js';
import * as format from '/format.js';

const bars = new WeakMap();  // by the cell that holds it

function setBar(cell, label, share, state, words) {
  if (!bars.has(cell)) {
    const bar = makeBar(label, 'thin');
    const value = makeLive();
    cell.replaceChildren(bar.element, value.element);
    bars.set(cell, {bar, value});
  }
  const {bar, value} = bars.get(cell);
  bar.update(share, state);
  value.update(words);
}

export function makeWorkers() {
  let card = {tokens_per_sample: 1};
  let fastest = 0;
  const table = makeTable('Workers', [
    {title: 'Worker', class: 'number', cell: (worker) => worker.node},
    {title: 'Host', cell: (worker) => worker.host
      ? `${worker.host}:${worker.process}` : 'gone'},
    {title: 'Speed', class: 'bar', hint: 'while it computes',
     set: (cell, worker) => {
       setBar(cell, 'speed', fastest ? worker.samples_per_second / fastest : 0,
              worker.straggler ? 'straggler' : '',
              format.speed(worker.samples_per_second, card) +
              (worker.straggler ? ' · straggler' : ''));
       attribute(cell, 'title', worker.straggler);
       attribute(cell, 'data-flag', worker.straggler ? 'straggler' : '');
     }},
    {title: 'Busy', class: 'number', live: true, hint: 'the rest it waits for others',
     cell: (worker) => worker.samples_per_second
       ? format.percent(worker.busy) : format.NONE},
    {title: 'Clock', class: 'number', live: true, hint: 'steps or leases done',
     cell: (worker) => format.number(worker.clock)},
    {title: 'Lag', class: 'number', live: true, hint: 'clocks behind the furthest worker',
     cell: (worker) => String(worker.lag || 0)},
  ], (worker) => worker.node, 'No worker has work of this job.');
  return {
    element: table.element,
    update: (workers, job) => {
      card = job;
      fastest = Math.max(0, ...workers.map((one) => one.samples_per_second));
      table.update(workers);
    },
  };
}

export function makeServers() {
  let most = 0;
  const table = makeTable('Servers', [
    {title: 'Server', class: 'number', cell: (server) => server.node},
    {title: 'Address', class: 'mono', cell: (server) => server.address},
    {title: 'Load', class: 'bar', hint: 'gradients that arrive',
     set: (cell, server) => setBar(
       cell, 'load', most ? server.push_bytes_per_second / most : 0,
       server.lost ? 'failed' : '',
       server.lost ? 'lost' : format.bytes(server.push_bytes_per_second) + '/s')},
    {title: 'Pushes', class: 'number', live: true, hint: 'a second',
     cell: (server) => format.short(server.pushes_per_second) + '/s'},
    {title: 'Parameters', class: 'number',
     cell: (server) => format.short(server.parameters)},
    {title: 'Blocks', set: (cell, server) => {
      text(cell, server.blocks ? `${server.blocks}: ${server.block_ranges}` : '0');
      attribute(cell, 'title', server.block_ranges);
      attribute(cell, 'class', 'ranges');
    }},
  ], (server) => server.node, 'No server holds blocks of this job.',
  (server) => (server.lost ? 'late' : ''));
  return {
    element: table.element,
    update: (servers) => {
      most = Math.max(0, ...servers.map((one) => one.push_bytes_per_second));
      table.update(servers);
    },
  };
}

function classText(one) {
  if (one.from === 0) return '0';
  if (one.to === 0) return `${one.from}+`;
  return one.from === one.to ? `${one.from}` : `${one.from}–${one.to}`;
}

export function makeStaleness() {
  const list = h('ul.histogram', {'aria-label':
    'pushes by the number of updates since their parameters were read'});
  const none = h('p.empty', {});
  const rows = [];
  return {
    element: h('div', {}, list, none),
    update: (classes, card) => {
      toggle(list, classes.length > 0);
      toggle(none, classes.length === 0);
      text(none, card.synchronisation.startsWith('synchronous')
        ? 'Synchronous: every gradient is of the newest parameters.'
        : 'No push has been applied on arrival yet.');
      const last = classes.findLastIndex((one) => one.pushes > 0);
      const shown = classes.slice(0, last + 1);
      const sum = shown.reduce((a, one) => a + one.pushes, 0);
      const most = Math.max(1, ...shown.map((one) => one.pushes));
      while (rows.length > shown.length) rows.pop().element.remove();
      shown.forEach((one, i) => {
        if (i === rows.length) {
          const bar = makeBar('pushes', '');
          const name = h('span.class', {});
          const value = h('span.value', {});
          rows.push({bar, name, value,
                     element: h('li', {}, name, bar.element, value)});
          list.append(rows[i].element);
        }
        rows[i].bar.update(one.pushes / most);
        text(rows[i].name, classText(one));
        text(rows[i].value, format.percent(one.pushes / sum, 1));
      });
    },
  };
}
