// The result as a table: a row a scenario, a column a client.
const marks = { passed: 'ok', failed: 'FAILED', absent: '·' };

export function formatTable(scenarios, results) {
  const clients = [...results.keys()];
  const rows = [['', ...clients]];
  for (const scenario of scenarios) {
    const cells = clients.map((client) => {
      const result = results.get(client).get(scenario);
      if (result === undefined) return '';
      return result.result === 'passed' ? `ok ${(result.ms / 1000).toFixed(1)}` : marks[result.result];
    });
    if (cells.some((cell) => cell !== '')) rows.push([scenario, ...cells]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A line a part: how many of its checks passed and failed. */
export function formatProofs(proven) {
  return [...proven]
    .map(([part, { results, ms }]) => {
      const count = (wanted) => results.filter(({ result }) => result === wanted).length;
      return `${part.padEnd(10)}${count('passed')} passed, ${count('failed')} failed (${(ms / 1000).toFixed(1)} s)`;
    })
    .join('\n');
}
