// Small charts beside each other, each with logarithmic axes, as an SVG that needs nothing else.
const [width, height, margin] = [360, 220, 46];
const perRow = 2;

/** @param curves `{ title, over, unit, found: [{ at, value }] }` */
export function drawCurves(curves, machine) {
  const rows = Math.ceil(curves.length / perRow);
  const charts = curves.map((curve, i) => {
    const at = `translate(${(i % perRow) * width} ${Math.floor(i / perRow) * height})`;
    return `<g transform="${at}">${chart(curve)}</g>`;
  });
  const [wide, high] = [perRow * width, rows * height + 24];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" font-family="sans-serif" font-size="10">
<rect width="${wide}" height="${high}" fill="white"/>
${charts.join('\n')}
<text x="8" y="${high - 8}" fill="#555">${escaped(machine)}</text>
</svg>
`;
}

function chart({ title, over, unit, found }) {
  const x = scaleOf(
    found.map(({ at }) => at),
    margin + 10,
    width - 20,
  );
  // From zero decades below the least: a fall to a tenth looks like one.
  const y = scaleOf(
    [...found.map(({ value }) => value / 3), ...found.map(({ value }) => value * 3)],
    height - margin,
    34,
  );
  const line = found.map(({ at, value }) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const points = found.map(
    ({ at, value }) =>
      `<circle cx="${x(at).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3" fill="#1f6feb"/>` +
      `<text x="${x(at).toFixed(1)}" y="${(y(value) - 7).toFixed(1)}" text-anchor="middle">${short(value)}</text>` +
      `<text x="${x(at).toFixed(1)}" y="${height - margin + 14}" text-anchor="middle" fill="#555">${short(at)}</text>`,
  );
  return (
    `<text x="${margin}" y="18" font-size="12" font-weight="bold">${escaped(title)}</text>` +
    `<path d="M${margin} 30V${height - margin}H${width - 10}" fill="none" stroke="#999"/>` +
    `<polyline points="${line}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>${points.join('')}` +
    `<text x="${width - 10}" y="${height - margin + 28}" text-anchor="end" fill="#555">${escaped(over)}</text>` +
    `<text x="${margin - 38}" y="30" fill="#555">${escaped(unit)}</text>`
  );
}

function scaleOf(values, from, to) {
  const [low, high] = [Math.log10(Math.min(...values)), Math.log10(Math.max(...values))];
  return (value) => (high === low ? (from + to) / 2 : from + ((Math.log10(value) - low) / (high - low)) * (to - from));
}

function short(value) {
  for (const [size, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ])
    if (value >= size) return `${Number((value / size).toPrecision(2))}${letter}`;
  return String(Number(value.toPrecision(2)));
}

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
