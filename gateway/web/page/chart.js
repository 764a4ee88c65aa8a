// The large curve of one tag. uPlot is loaded when it is first needed.
import { html, useEffect, useRef } from './parts.js';
import { timeOfDay, value as number } from './words.js';

let loading = null;
function loadPlot() {
  loading ??= new Promise((resolve, reject) => {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = '/lib/uplot.css';
    const script = document.createElement('script');
    script.src = '/lib/uplot.js';
    script.onload = () => resolve(globalThis.uPlot);
    script.onerror = () => {
      loading = null;
      reject(new Error('the curve could not be loaded'));
    };
    document.head.append(style, script);
  });
  return loading;
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const columns = (points) => [points.map((p) => p[0] / 1000), points.map((p) => p[1])];

function options(width, label, unit) {
  const axis = { stroke: color('--ink-2'), grid: { stroke: color('--line'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 }, font: '12px system-ui, sans-serif' };
  return {
    width,
    height: 240,
    cursor: { points: { size: 7 } },
    scales: { x: { time: true } },
    legend: { live: true },
    axes: [{ ...axis, space: 90, values: (_, times) => times.map((s) => timeOfDay(s * 1000)) },
      { ...axis, size: 62 }],
    series: [
      { label: 'Time', value: (_, s) => (s ? timeOfDay(s * 1000) : '–') },
      { label: unit ? `${label} (${unit})` : label, stroke: color('--curve'), width: 2,
        points: { show: false }, value: (_, v) => (v === null ? '–' : number(v)) },
    ],
  };
}

export function Chart({ points, label, unit }) {
  const place = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    let gone = false;
    let observer = null;
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const build = (uPlot) => {
      plot.current?.destroy();
      plot.current = new uPlot(options(place.current.clientWidth, label, unit),
        columns(place.current.points ?? []), place.current);
    };
    let rebuild = null;
    loadPlot().then((uPlot) => {
      if (gone) return;
      rebuild = () => build(uPlot);
      build(uPlot);
      dark.addEventListener('change', rebuild);
      observer = new ResizeObserver(() => {
        plot.current?.setSize({ width: place.current.clientWidth, height: 240 });
      });
      observer.observe(place.current);
    }).catch(() => {});
    return () => {
      gone = true;
      observer?.disconnect();
      if (rebuild) dark.removeEventListener('change', rebuild);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [label, unit]);
  useEffect(() => {
    place.current.points = points;
    plot.current?.setData(columns(points));
  }, [points, points.length, points.at(-1)?.[0]]);
  return html`<div class="chart" ref=${place}></div>`;
}
