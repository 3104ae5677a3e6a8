import type { RowResult } from './measure.ts';

const WIDTH = 860;
const LEFT = 330;
const BAR = 18;
const STEP = 34;
const TOP = 56;

/** Bars of the ratios, each with a line where its goal is and whiskers from its worst to its best pair. Written by hand: bars need no library. */
export function plot(results: readonly RowResult[], caption: string): string {
  const shown = results.filter((result) => result.ratio !== undefined);
  const most = Math.max(1, ...shown.flatMap(({ row, ratio = 0 }) => [row.aim, ratio])) * 1.12;
  const x = (ratio: number): number => Math.round(LEFT + (ratio / most) * (WIDTH - LEFT - 60));
  const height = TOP + shown.length * STEP + 20;
  const bars = shown.flatMap(({ row, pairs, ratio = 0 }, index) => {
    const y = TOP + index * STEP;
    const ratios = pairs.filter((pair) => pair.void === undefined).map(({ own, reference, tpcb }) => own.perSecond / (reference ?? tpcb).perSecond);
    const middle = y + BAR / 2;
    return [
      `<text x="${LEFT - 10}" y="${middle + 4}" text-anchor="end">${escaped(row.what)}${row.against ? ` : ${escaped(row.against.what)}` : ''}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${Math.max(1, x(ratio) - LEFT)}" height="${BAR}" fill="${ratio >= row.least ? '#2a7f62' : '#b23a48'}"/>`,
      `<line x1="${x(Math.min(...ratios))}" x2="${x(Math.max(...ratios))}" y1="${middle}" y2="${middle}" stroke="#111" stroke-width="1.5"/>`,
      `<line x1="${x(row.least)}" x2="${x(row.least)}" y1="${y - 4}" y2="${y + BAR + 4}" stroke="#111" stroke-width="2"/>`,
      `<line x1="${x(row.aim)}" x2="${x(row.aim)}" y1="${y - 4}" y2="${y + BAR + 4}" stroke="#111" stroke-dasharray="3 2"/>`,
      `<text x="${Math.max(x(ratio), x(Math.max(...ratios))) + 6}" y="${middle + 4}">${ratio.toFixed(2)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="16" y="22" font-size="16" font-weight="bold">The ledger, as ratios to pgbench TPC-B or to what a row names</text>`,
    `<text x="16" y="40" fill="#555">${escaped(caption)}. Bar: median; whisker: worst to best pair; line: at least; dashes: aim.</text>`,
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
