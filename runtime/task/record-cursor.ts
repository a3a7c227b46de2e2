// The one place where the runtime meets record batches, so that what the layering says about it is a change to one line.
export { BatchBuilder, loadCompression, RecordCursor, type RecordHeaders } from '../../core/client/index.ts';
