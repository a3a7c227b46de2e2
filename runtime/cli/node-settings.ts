// A node's settings as people give them: `name=value` by Kafka's names, from a properties file and from flags. Sorted here
// into what the node, its topics and its listener take; each of them checks its own values.
import { Fault } from '../../core/kernel/fault.ts';
import {
  configObjection,
  type ListenerLimits,
  listenerDefaults,
  type NodeSettings,
  nodeDefaults,
  topicConfigOf,
} from '../../core/server/index.ts';

export interface GivenSettings {
  readonly node: Partial<NodeSettings>;
  readonly limits: Partial<ListenerLimits>;
  /** `listeners` and `advertised.listeners`, without the scheme. */
  readonly listen?: string;
  readonly advertise?: string;
  /** `log.dirs`. */
  readonly data?: string;
  /** `controller.quorum.voters`. */
  readonly controllers?: string;
  /** `broker.rack`. */
  readonly rack?: string;
}

const hourMs = 3_600_000;
const minuteMs = 60_000;
const durations: Readonly<Record<string, number>> = {
  'log.retention.hours': hourMs,
  'log.retention.minutes': minuteMs,
};

function typed(name: string, text: string, like: unknown): number | boolean | string {
  if (typeof like === 'number') {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) throw bad(`${name} must be a number, not '${text}'`);
    return value;
  }
  if (typeof like !== 'boolean') return text;
  if (!/^(true|false)$/i.test(text)) throw bad(`${name} must be true or false, not '${text}'`);
  return /^true$/i.test(text);
}

const bad = (problem: string) => new Fault('BAD_SETTINGS', { of: 'the node', problems: [problem] });
const withoutScheme = (listener: string): string => listener.replace(/^[A-Z_]+:\/\//, '');
const hasOwn = (of: object, name: string): boolean => Object.hasOwn(of, name) && name.includes('.');

/** @throws Fault `BAD_SETTINGS` for a name that means nothing here, or a value of another type */
export function sortSettings(given: Readonly<Record<string, string>>): GivenSettings {
  const node: Record<string, unknown> = {};
  const limits: Record<string, unknown> = {};
  const topicDefaults: Record<string, string> = {};
  const places: { listen?: string; advertise?: string; data?: string; controllers?: string; rack?: string } = {};
  for (const [name, text] of Object.entries(given)) {
    const topicName = topicConfigOf.get(name)?.name;
    if (topicName !== undefined) topicDefaults[topicName] = text;
    else if (durations[name] !== undefined)
      topicDefaults['retention.ms'] = String(Number(typed(name, text, 0)) * durations[name]);
    else if (hasOwn(nodeDefaults, name)) node[name] = typed(name, text, nodeDefaults[name as keyof NodeSettings]);
    else if (hasOwn(listenerDefaults, name))
      limits[name] = typed(name, text, listenerDefaults[name as keyof ListenerLimits]);
    else if (name === 'node.id' || name === 'broker.id') node['nodeId'] = typed(name, text, 0);
    else if (name === 'listeners') places.listen = withoutScheme(text);
    else if (name === 'advertised.listeners') places.advertise = withoutScheme(text);
    else if (name === 'controller.quorum.voters') places.controllers = text;
    else if (name === 'broker.rack') places.rack = text;
    else if (name === 'log.dirs' || name === 'log.dir') places.data = text;
    else throw bad(`there is no setting '${name}' here; 'millrace node --help' says where to find those there are`);
  }
  for (const [name, value] of Object.entries(topicDefaults)) {
    const problem = configObjection(name, value);
    if (problem !== null) throw bad(problem);
  }
  return {
    node: { ...node, topicDefaults } as Partial<NodeSettings>,
    limits: limits as Partial<ListenerLimits>,
    ...places,
  };
}

/** Every name that `sortSettings` takes, for `--help`. */
export const settingNames = (): readonly string[] =>
  [
    ...Object.keys(nodeDefaults).filter((name) => name.includes('.')),
    ...Object.keys(listenerDefaults).filter((name) => name.includes('.')),
    ...topicConfigOf.keys(),
    ...Object.keys(durations),
    'node.id',
    'listeners',
    'advertised.listeners',
    'log.dirs',
    'controller.quorum.voters',
    'broker.rack',
  ].sort();
