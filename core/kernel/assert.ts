// For mistakes of ours, never of a peer's or a user's: those are a Fault, or a code on the wire.

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure';
}

/** A failed assert stops the work at hand before the mistake spreads. */
export function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new AssertionFailure(what);
}

/** Ends a `switch` over a union, so that a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${String(value)}`);
}
