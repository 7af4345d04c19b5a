// One job: progress, curves, members, checkpoints, events.

import {makeChart} from '/chart.js';
import {attribute, h, makeBar, makeList, makeTable, text, toggle}
  from '/dom.js';
import * as format from '/format.js';
import {makeServers, makeStaleness, makeWorkers} from '/members.js';
import {pill, setPill} from '/overview.js';

// So many numbers nobody reads every second.
const MEMBERS_MS = 3000;
// Of the lines that are kept, so many are shown unless all are asked for.
const NEWEST_EVENTS = 40;
const BAD = /fail|lost|damaged|error|cannot|could not|refused|not finite|did not come back|infinite|no space/i;

const NOBODY = {workers: [], servers: [], staleness: []};

function section(title, content) {
  return h('section.card.flush', {},
           h('header', {}, h('h3', {}, title)), content);
}

function makeFact(title) {
  const value = h('b', {});
  const under = h('span.sub', {});
  const element = h('div.tile', {}, h('span', {}, title), value, under);
  return {
    element,
    update: (now, more = '') => { text(value, now); text(under, more); },
  };
}

function makeCheckpoints() {
  return makeTable('Checkpoints', [
    {title: 'Step', class: 'number', cell: (one) => format.number(one.step)},
    {title: 'Committed', cell: (one) => format.time(one.committed_unix_ms)},
    {title: 'Size', class: 'number', cell: (one) => format.bytes(one.bytes)},
    {title: 'Kept', cell: (one) => one.kept},
    {title: 'Directory', class: 'mono path', cell: (one) => one.directory},
  ], (one) => one.step, 'None is committed yet.');
}

function makeEvents() {
  let shown = null;
  let most = NEWEST_EVENTS;
  const list = h('ol.events', {});
  const older = h('button', {id: 'older', onclick: () => {
    most = Infinity;
    show();
  }}, 'Show older ones');
  // What has happened does not change.
  const sync = makeList(list, (event) => event.key, (event) => ({
    element: h('li', {class: BAD.test(event.text) ? 'bad' : undefined},
               h('time', {}, format.time(event.unix_ms)),
               h('span.source', {}, event.source),
               h('span.words', {}, event.text)),
    update() {},
  }));
  // The newest first.
  const show = () => {
    const {events, events_from: from} = shown;
    sync(events.map((event, i) => ({...event, key: from + i})).reverse()
      .slice(0, most));
    toggle(older, events.length > most);
  };
  return {
    element: h('div.scroll.tall', {tabindex: 0, role: 'region',
                                   'aria-label': 'Events'}, list, older),
    update: (job) => {
      if (job.events === shown?.events) return;
      shown = {events: job.events, events_from: job.events_from};
      show();
    },
  };
}

function makeFacts() {
  const list = h('dl.facts', {});
  const values = new Map();
  return {
    element: list,
    update: (facts) => {
      for (const [name, value] of facts) {
        if (!values.has(name)) {
          const element = h('dd', {});
          list.append(h('div', {}, h('dt', {}, name), element));
          values.set(name, element);
        }
        const element = values.get(name);
        toggle(element.parentElement, value !== '');
        text(element, value);
      }
    },
  };
}

// Each the mean of itself and its neighbours: reports come several a second,
// and a step falls into one or the next.
function smooth(points) {
  return points.map((point, i) => {
    const near = points.slice(Math.max(0, i - 4), i + 5);
    return {...point, y: near.reduce((sum, one) => sum + one.y, 0) / near.length};
  });
}

// Points of what the charts show, made anew only when there is more to see: a
// curve that is longer by less than a 300th of its length is drawn at the same
// pixels.
function makeCurves() {
  let training = [];
  let epochs = null;
  let ended = false;
  let curves = {};
  const lastStep = (list) => list[list.length - 1]?.step ?? 0;
  return (job, card) => {
    if (job.epochs !== epochs || job.training.length < training.length ||
        lastStep(job.training) > lastStep(training) * (1 + 1 / 300) ||
        card.ended !== ended) {
      training = job.training;
      epochs = job.epochs;
      ended = card.ended;
      const of = (list, valueOf, noteOf) => list
        .map((one) => ({x: one.step, y: valueOf(one), note: noteOf?.(one)}))
        .filter((point) => Number.isFinite(point.y));
      const epoch = (one) => `epoch ${one.epoch}`;
      curves = {
        loss: of(training, (one) => one.loss),
        epochLoss: of(epochs, (one) => one.training?.loss, epoch),
        validationLoss: of(epochs, (one) => one.validation?.loss, epoch),
        accuracy: of(training, (one) => one.accuracy),
        validationAccuracy: of(epochs, (one) => one.validation?.accuracy, epoch),
        perplexity: of(epochs, (one) => one.validation?.perplexity, epoch),
        speed: smooth(of(training, (one) => one.samples_per_second > 0
          ? one.samples_per_second * card.tokens_per_sample : NaN)),
      };
      // After a restart of the scheduler only epochs are known.
      if (curves.loss.length < 2) curves.loss = curves.epochLoss;
    }
    return curves;
  };
}

export function makeJob(name, onCancel) {
  const state = pill('');
  const model = h('p.sub', {});
  const reason = h('p.reason', {});
  const cancel = h('button.danger.quiet', {id: 'cancel', onclick: () =>
    onCancel(name)}, 'Cancel');
  const bar = makeBar('steps made', 'big');
  const facts = {
    step: makeFact('Step'), epoch: makeFact('Epoch'), loss: makeFact('Loss'),
    validation: makeFact('Validation'), speed: makeFact('Speed'),
    time: makeFact('Time left'),
  };
  const lines = [{name: 'training', className: 'training'},
                 {name: 'validation', className: 'validation', dots: true}];
  const loss = makeChart('Loss', 'nats', lines, {format: format.loss});
  const quality = makeChart('Accuracy', '', lines,
                            {format: (value) => format.percent(value, 2),
                             axis: (value) => format.round(100 * value) + ' %'});
  const perplexity = makeChart('Validation perplexity', '', [
    {name: 'perplexity', className: 'validation', dots: true}],
    {empty: 'Nothing has been validated yet.'});
  const speed = makeChart('Speed', 'a second', [
    {name: 'speed', className: 'training'}], {fromZero: true});
  const charts = [loss, quality, perplexity, speed];
  const note = h('p.sub.note', {});
  const workers = makeWorkers();
  const servers = makeServers();
  const staleness = makeStaleness();
  const checkpoints = makeCheckpoints();
  const trouble = h('p.trouble', {role: 'status'});
  const events = makeEvents();
  const settings = makeFacts();
  const body = h(
    'div', {},
    h('div.tiles.six', {}, ...Object.values(facts).map((one) => one.element)),
    h('div.charts', {}, ...charts.map((one) => one.element)), note,
    h('div.columns', {},
      h('div', {}, section('Workers', workers.element),
        section('Servers', servers.element),
        section('Checkpoints', h('div', {}, trouble, checkpoints.element)),
        section('Settings', settings.element)),
      h('div', {}, section('Events', events.element),
        section('Staleness', staleness.element))));
  const missing = h('div.card.empty', {}, h('h3', {}, 'There is no such job'),
                    h('p', {}));
  const element = h(
    'div.job-page', {},
    h('nav.crumbs', {'aria-label': 'Where you are'},
      h('a', {href: '#/'}, 'Jobs'), h('span', {}, name)),
    h('div.title', {}, h('div', {}, h('h1', {}, name), state), cancel),
    model, reason, bar.element, missing, body);
  const curvesOf = makeCurves();
  let shownNodes = '';
  let shownAt = 0;  // by the scheduler's clock

  return {
    element,
    title: `${name} · Hawser`,
    update(store) {
      const card = store.cardOf(name);
      const job = store.job;
      toggle(missing, !card && store.known);
      for (const part of [body, bar.element, state, model]) toggle(part, card);
      toggle(cancel, Boolean(card) && !card.ended);
      if (!card) {
        text(missing.lastChild, job.problem || 'It may have been forgotten.');
        toggle(reason, false);
        return;
      }
      setPill(state, card.state);
      text(model, `${card.model} · ${card.synchronisation} · ` +
        `${card.workers} workers, ${card.servers} servers`);
      text(reason, card.reason);
      toggle(reason, card.reason !== '');
      attribute(reason, 'data-state', card.state);
      const share = card.total_steps ? card.step / card.total_steps : 0;
      bar.update(share, card.state);
      showFacts(facts, card, share);
      showCharts(card, job);
      showMembers(card, job.members ?? NOBODY, store.at);
      events.update(job);
      if (job.detail) showDetail(job.detail, card);
    },
    stop: () => charts.forEach((chart) => chart.stop()),
  };

  function showCharts(card, job) {
    const curves = curvesOf(job, card);
    loss.update([curves.loss, curves.validationLoss],
                format.loss(card.training?.loss));
    const text_ = card.tokens_per_sample > 1;
    toggle(quality.element, !text_);
    toggle(perplexity.element, text_);
    quality.update([curves.accuracy, curves.validationAccuracy],
                   format.quality(card.validation));
    perplexity.update([curves.perplexity],
                      card.validation?.perplexity?.toPrecision(4) ?? '');
    speed.update([curves.speed], card.ended ? '' :
      format.speed(card.samples_per_second, card));
    const first = job.training[0];
    const unknown = card.step > 0 && (!first || first.step > 0.1 * card.step) &&
      job.epochs.length > 0;
    toggle(note, unknown);
    text(note, first
      ? `The scheduler has restarted: step by step since ${
        format.time(first.unix_ms)}, before that by epochs.`
      : 'The scheduler has restarted since: the curves are by epochs.');
  }

  function showMembers(card, members, now) {
    const nodes = [members.workers, members.servers]
      .map((all) => all.map((one) => one.node)).join(';');
    if (nodes === shownNodes && Math.abs(now - shownAt) < MEMBERS_MS) return;
    shownAt = now;
    shownNodes = nodes;
    workers.update(members.workers, card);
    servers.update(members.servers);
    staleness.update(members.staleness, card);
  }

  function showDetail(detail, card) {
    checkpoints.update([...detail.checkpoints].reverse());
    const troubles = [];
    if (detail.checkpoints_failed) {
      troubles.push(`${detail.checkpoints_failed} could not be written so far`);
    }
    if (detail.checkpoints_skipped) {
      troubles.push(`${detail.checkpoints_skipped} were skipped`);
    }
    if (detail.checkpoint_problem) troubles.push(detail.checkpoint_problem);
    toggle(trouble, troubles.length > 0);
    text(trouble, troubles.join('; '));
    settings.update([
      ['Parameters', format.number(detail.parameters)],
      ['Data', detail.data],
      ['Optimizer', detail.optimizer],
      ['Batch', `${format.number(detail.global_batch)} in ` +
        `${detail.micro_batches} micro-batches`],
      ['Synchronisation', card.synchronisation],
      ['Placement', detail.placement],
      ['Seed', detail.seed],
      ['Incarnation', detail.incarnation ? String(detail.incarnation) : ''],
      ['Not finite', detail.micro_batches_not_finite
        ? `${detail.micro_batches_not_finite} micro-batches, skipped` : ''],
      ['Submitted', format.time(card.submitted_unix_ms)],
      ['Ended', card.ended ? format.time(card.ended_unix_ms) : ''],
      ['Output', detail.output],
      ['SHA-256', detail.parameters_sha256],
    ]);
  }
}

function showFacts(facts, card, share) {
  facts.step.update(format.number(card.step), card.total_steps
    ? `of ${format.number(card.total_steps)} · ${format.percent(share)}` : '');
  facts.epoch.update(String(card.epoch),
                     card.epochs ? `of ${card.epochs}` : '');
  facts.loss.update(format.loss(card.training?.loss),
                    card.training?.accuracy === undefined ? 'training'
                      : format.percent(card.training.accuracy, 2) + ' right');
  const measured = card.validation;
  facts.validation.update(
    format.quality(measured),
    !measured ? 'not measured yet'
      : format.qualityName(measured) + (measured.bits_per_byte === undefined ? ''
        : ` · ${measured.bits_per_byte.toFixed(3)} bits/byte`));
  const factor = card.tokens_per_sample;
  facts.speed.update(
    card.ended || !card.samples_per_second ? format.NONE
      : format.short(card.samples_per_second * factor),
    format.speedUnit(card));
  facts.time.update(card.ended ? format.NONE
    : format.duration(card.seconds_left),
  card.seconds_running ? `after ${format.duration(card.seconds_running)}` : '');
}
