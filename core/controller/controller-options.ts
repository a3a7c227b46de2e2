// What a controller is made with, and its settings with Kafka's defaults.
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Random } from '../kernel/random.ts';
import type { MetadataLog } from './metadata-log.ts';

/** By Kafka's names. */
export interface ControllerSettings {
  readonly 'broker.session.timeout.ms': number;
  readonly 'auto.leader.rebalance.enable': boolean;
  readonly 'leader.imbalance.check.interval.seconds': number;
}

export const controllerDefaults: ControllerSettings = {
  'broker.session.timeout.ms': 9_000,
  'auto.leader.rebalance.enable': true,
  'leader.imbalance.check.interval.seconds': 300,
};

export interface ControllerOptions {
  readonly log: MetadataLog;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: ControllerSettings;
}
