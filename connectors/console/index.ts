// The terminal: lines from standard input, lines to standard output, and a topic as a table.
export { type StdinOptions, stdinLines } from './stdin.ts';
export { type StdoutOptions, stdoutLines } from './stdout.ts';
export { type ConsoleColumn, type ConsoleTableOptions, consoleTable } from './table.ts';
