// What the controller's decisions are written to: a log that is replicated among controllers, or a database on a node alone
// (local-metadata-log.ts). At most one controller at a time is active; it alone may propose.
import type { CatalogImage, CatalogRecord } from './catalog-record.ts';

export interface MetadataLog {
  /** As of the last record that is committed. The maps are live: don't hold them across an await. */
  readonly image: CatalogImage;
  /** Of the first record of what is proposed next. Offsets only grow, by one a record or by one a proposal. */
  readonly nextOffset: number;
  /** Active from when everything is applied that any controller before has committed. */
  readonly isActive: boolean;
  /**
   * Resolves when the records are committed and in the image. All of them or none.
   *
   * @throws Fault `NOT_CONTROLLER` when this isn't the active one any more: the records may hold or not; `STORAGE_FAILED`
   */
  propose(records: readonly CatalogRecord[]): Promise<void>;
  /** Called whenever `isActive` has changed. Gives a function that ends it. */
  onChange(listener: () => void): () => void;
}
