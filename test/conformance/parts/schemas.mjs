// Every message of ours against the definitions that Apache Kafka's jars carry, field by field and version by version.
// Our side is read from the build, as it encodes; nothing here knows a message by name.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readJar } from './jar.mjs';
import { installJava, jars } from './java.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const protocol = join(root, 'dist', 'core', 'protocol');
const built = join(protocol, 'messages');
const carriers = ['kafka-clients', 'kafka-group-coordinator', 'kafka-transaction-coordinator'];
const zeroUuid = '00000000-0000-0000-0000-000000000000';

/** @returns a result `{ test, result, ms, note }` for each message */
export async function compareSchemas() {
  await installJava();
  await import(pathToFileURL(join(root, 'runtime', 'cli', 'ensure-ready.mjs')).href);
  const definitions = readDefinitions();
  const results = [];
  for (const message of await ourMessages()) {
    const sinceMs = performance.now();
    const definition = definitions.get(message.name);
    const { differences, fields } =
      definition === undefined
        ? { differences: ['no jar defines it'], fields: 0 }
        : compareMessage(message, definition);
    const result = differences.length === 0 ? 'passed' : 'failed';
    const note = differences.join('\n');
    results.push({ test: message.name, result, ms: performance.now() - sinceMs, note, fields });
  }
  return results;
}

function readDefinitions() {
  const definitions = new Map();
  for (const carrier of carriers) {
    const file = readdirSync(jars).find((name) => new RegExp(`^${carrier}-\\d.*\\.jar$`).test(name));
    if (file === undefined) throw new Error(`there is no ${carrier} in ${jars}`);
    for (const [, text] of readJar(join(jars, file), (path) => /^common\/message\/\w+\.json$/.test(path))) {
      const definition = JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''));
      definitions.set(definition.name, definition);
    }
  }
  return definitions;
}

async function ourMessages() {
  if (!existsSync(built)) throw new Error(`there is no ${built}`);
  const byName = new Map();
  const files = readdirSync(built).filter((name) => name.endsWith('.js'));
  for (const file of [join(protocol, 'header.js'), ...files.map((name) => join(built, name))]) {
    const exported = Object.values(await import(pathToFileURL(file).href));
    for (const entry of exported) {
      if (typeof entry?.encode === 'function' && entry.shape !== undefined) byName.set(entry.name, entry);
    }
  }
  return [...byName.values()];
}

/**
 * @param message one of ours: `name`, `apiKey`, `versions`, `flexibleFrom`, `shape`
 * @param definition Kafka's, as its JSON says it
 * @returns the differences, a line each, and how many fields were compared
 */
export function compareMessage(message, definition) {
  const differences = [];
  const state = {
    fields: 0,
    structs: new Map((definition.commonStructs ?? []).map(({ name, fields }) => [name, fields])),
    differ: (path, what) => differences.push(`${path}: ${what}`),
  };
  const [lowest, highest] = message.versions;
  const valid = rangeOf(definition.validVersions);
  if (lowest < valid[0] || highest > valid[1])
    state.differ(message.name, `versions ${lowest}-${highest}, Kafka has ${definition.validVersions}`);
  if (message.apiKey !== -1 && message.apiKey !== definition.apiKey)
    state.differ(message.name, `key ${message.apiKey}, not ${definition.apiKey}`);
  for (let version = lowest; version <= highest; version++) {
    if (version >= message.flexibleFrom !== has(definition.flexibleVersions, version))
      state.differ(message.name, `flexible in ${version} is ${version >= message.flexibleFrom}`);
  }
  compareStruct(message.name, message.shape, definition.fields ?? [], [lowest, highest], state);
  return { differences, fields: state.fields };
}

function compareStruct(path, shape, definitions, [lowest, highest], state) {
  const known = new Set();
  for (const definition of definitions) {
    const name = definition.name[0].toLowerCase() + definition.name.slice(1);
    const versions = versionsOf(definition, lowest, highest);
    const field = shape[name];
    if (versions.length === 0) continue;
    known.add(name);
    state.fields++;
    if (field === undefined) state.differ(`${path}.${name}`, 'missing');
    else compareField(`${path}.${name}`, field, definition, [lowest, highest], state);
  }
  for (const name of Object.keys(shape)) {
    if (!known.has(name)) state.differ(`${path}.${name}`, 'Kafka has no such field in these versions');
  }
  compareOrder(path, shape, definitions, [lowest, highest], state);
}

/** Fields are written in the order in which they stand, tagged ones by number. */
function compareOrder(path, shape, definitions, [lowest, highest], state) {
  for (let version = lowest; version <= highest; version++) {
    const ours = Object.entries(shape)
      .filter(([, { since, until, tag }]) => tag === null && since <= version && version <= until)
      .map(([name]) => name);
    const theirs = definitions
      .filter((definition) => definition.taggedVersions === undefined && has(definition.versions, version))
      .map(({ name }) => name[0].toLowerCase() + name.slice(1));
    if (ours.join() === theirs.join()) continue;
    state.differ(path, `in ${version} its fields are ${ours}, not ${theirs}`);
    return;
  }
}

function compareField(path, field, definition, [lowest, highest], state) {
  const differ = (what) => state.differ(path, what);
  const versions = versionsOf(definition, lowest, highest);
  for (let version = lowest; version <= highest; version++) {
    const there = field.since <= version && version <= field.until;
    if (there !== versions.includes(version)) differ(`${there ? 'there' : 'not there'} in ${version}`);
    if (!there) continue;
    const nullable = version >= field.nullableFrom;
    if (nullable !== has(definition.nullableVersions, version)) differ(`nullable in ${version} is ${nullable}`);
  }
  const tag = definition.taggedVersions === undefined ? null : definition.tag;
  if (field.tag !== tag) differ(`tag ${field.tag}, not ${tag}`);
  // Where every version has it, none can be asked to leave it out.
  const ignorable = definition.ignorable === true || definition.ignorable === 'true';
  if (versions.length !== highest - lowest + 1 && field.ignorable !== ignorable)
    differ(`ignorable is ${field.ignorable}`);
  compareDefault(field, definition, differ);
  compareType(path, field, definition, [versions[0], versions.at(-1)], state);
}

function compareType(path, field, definition, versions, state) {
  const isArray = definition.type.startsWith('[]');
  const element = isArray ? definition.type.slice(2) : definition.type;
  const inner = definition.fields ?? state.structs.get(element);
  const kind = isArray ? 'array' : inner === undefined ? element : 'struct';
  // What may not lose a digit is a bigint to us: the same eight bytes.
  const kindOf = ({ kind: ours }) => (ours === 'bigint64' ? 'int64' : ours);
  if (kindOf(field) !== kind) state.differ(path, `is ${field.kind}, not ${definition.type}`);
  else if (inner !== undefined) compareStruct(path, field.inner, inner, versions, state);
  else if (isArray && kindOf(field.inner) !== element)
    state.differ(path, `has ${field.inner.kind} in it, not ${element}`);
}

function compareDefault(field, definition, differ) {
  const wanted = defaultOf(definition);
  const ours = describe(field.fallback);
  if (ours !== wanted) differ(`default ${ours}, not ${wanted}`);
}

/** A value as text: what has parts is named only, since those have defaults of their own. */
function describe(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'empty array' : 'array';
  if (value instanceof Uint8Array) return value.length === 0 ? 'no bytes' : 'bytes';
  if (typeof value === 'object') return 'struct';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** The text 'null' is a default; a null of JSON is none given, which is what Kafka's classes make of it. */
function defaultOf({ type, default: given }) {
  if (given === 'null' || type === 'records') return 'null';
  if (type.startsWith('[]')) return 'empty array';
  if (type === 'bool') return String(given === true || given === 'true');
  if (type === 'string') return JSON.stringify(given ?? '');
  if (type === 'uuid') return JSON.stringify(zeroUuid);
  if (type === 'bytes') return 'no bytes';
  if (!/^(u?int\d+|float64)$/.test(type)) return 'struct';
  // Beyond what a number counts to we hold the largest that it does: see int64 in core/protocol/fields.ts.
  if (String(given) === '9223372036854775807') return String(Number.MAX_SAFE_INTEGER);
  return String(Number(given ?? 0));
}

/** Of `0-3`, `2+`, `5` or `none`, which is null. */
function rangeOf(text) {
  if (text === undefined || text === 'none') return null;
  const [, from, rest, to] = /^(\d+)(\+|-(\d+))?$/.exec(text);
  return [Number(from), rest === '+' ? Number.POSITIVE_INFINITY : Number(to ?? from)];
}

function has(text, version) {
  const range = rangeOf(text);
  return range !== null && range[0] <= version && version <= range[1];
}

function versionsOf(definition, lowest, highest) {
  const versions = [];
  for (let version = lowest; version <= highest; version++) {
    if (has(definition.versions ?? definition.taggedVersions, version)) versions.push(version);
  }
  return versions;
}
