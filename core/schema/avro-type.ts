// The TypeScript type of the values of a literal Avro schema. It says what avro.ts makes of bytes, which is avsc's
// mapping but for longs, so change the two together. What it can't tell (a schema loaded from a file) is unknown.

/** An Avro schema as JSON (Avro 1.12 specification). Written in the call of `avro()`, it gives the type of the values. */
export type AvroSchema = string | readonly AvroSchema[] | AvroDefinition;

export interface AvroDefinition {
  /** 'record', 'enum', 'array', 'map', 'fixed', or the type that a logical type stands on. */
  readonly type: AvroSchema;
  readonly name?: string;
  readonly namespace?: string;
  readonly fields?: readonly AvroField[];
  readonly symbols?: readonly string[];
  readonly items?: AvroSchema;
  readonly values?: AvroSchema;
  readonly size?: number;
  readonly logicalType?: string;
  readonly default?: unknown;
  readonly doc?: string;
  readonly aliases?: readonly string[];
}

export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly default?: unknown;
  readonly doc?: string;
  readonly order?: string;
  readonly aliases?: readonly string[];
}

/**
 * The values of a schema: `long` is bigint, `bytes` and `fixed` are Buffer, an enum the union of its symbols, a union
 * the union of its branches. A union with two branches that JavaScript doesn't tell apart (two records, a map and a
 * record, int and double) holds its values wrapped: `{ 'name.of.Branch': value }`. Of the logical types
 * `timestamp-millis` is Date; the others are what they stand on, so `uuid` is string and `date` a number of days.
 */
export type AvroType<S> = AvroSchema extends S ? unknown : Value<S, Named<S>, ''>;

interface Primitives {
  null: null;
  boolean: boolean;
  int: number;
  long: bigint;
  float: number;
  double: number;
  bytes: Buffer;
  string: string;
}

/** @typeParam N every definition of a name in the whole schema @typeParam Ns the namespace around `S` */
type Value<S, N, Ns extends string> = S extends keyof Primitives
  ? Primitives[S]
  : S extends string
    ? Referred<S, N, Ns>
    : S extends readonly [unknown, ...unknown[]]
      ? IsAmbiguous<S, N> extends true
        ? Wrapped<S[number], N, Ns>
        : Value<S[number], N, Ns>
      : S extends { readonly type: 'long'; readonly logicalType: 'timestamp-millis' }
        ? Date
        : S extends { readonly type: 'record' | 'error'; readonly fields: readonly (infer F)[] }
          ? { [Each in F as NameOf<Each>]: Value<TypeOf<Each>, N, NamespaceOf<S, Ns>> }
          : S extends { readonly type: 'enum'; readonly symbols: readonly (infer Symbol)[] }
            ? Symbol
            : S extends { readonly type: 'array'; readonly items: infer Items }
              ? Value<Items, N, Ns>[]
              : S extends { readonly type: 'map'; readonly values: infer Values }
                ? { [key: string]: Value<Values, N, Ns> }
                : S extends { readonly type: 'fixed' }
                  ? Buffer
                  : S extends { readonly type: keyof Primitives }
                    ? Primitives[S['type']]
                    : unknown;

type NameOf<D> = D extends { readonly name: infer Name extends string } ? Name : never;
type TypeOf<D> = D extends { readonly type: infer Type } ? Type : never;

/** Every named definition inside of `S`, and `S` itself. */
type Named<S> = S extends readonly (infer Branch)[]
  ? Named<Branch>
  : S extends { readonly type: infer Type }
    ?
        | (Type extends 'record' | 'error' | 'enum' | 'fixed' ? S : never)
        | (S extends { readonly fields: readonly (infer F)[] } ? Named<TypeOf<F>> : never)
        | (S extends { readonly items: infer Items } ? Named<Items> : never)
        | (S extends { readonly values: infer Values } ? Named<Values> : never)
    : never;

type Short<Name extends string> = Name extends `${string}.${infer Rest}` ? Short<Rest> : Name;

/** The definition of a name, found by its last part: two of one name in two namespaces would be taken for each other. */
type Definition<Name extends string, N> = N extends { readonly name: infer Defined extends string }
  ? Short<Defined> extends Short<Name>
    ? N
    : never
  : never;

type Referred<Name extends string, N, Ns extends string> = [Definition<Name, N>] extends [never]
  ? unknown
  : Value<Definition<Name, N>, N, Ns>;

type NamespaceOf<D, Ns extends string> = D extends { readonly name: `${infer Own}.${infer Rest}` }
  ? Joined<Own, Rest>
  : D extends { readonly namespace: infer Own extends string }
    ? Own
    : Ns;

/** All of a full name but its last part. */
type Joined<Head extends string, Rest extends string> = Rest extends `${infer Next}.${infer More}`
  ? Joined<`${Head}.${Next}`, More>
  : Head;

/** What tells a branch from another at run time; undefined for those that avsc tries one by one. */
type Kind<S, N> = S extends 'int' | 'float' | 'double'
  ? 'number'
  : S extends 'string'
    ? 'string'
    : S extends 'bytes'
      ? 'buffer'
      : S extends keyof Primitives
        ? S
        : S extends string
          ? Kind<Definition<S, N>, N>
          : S extends { readonly type: 'long'; readonly logicalType: 'timestamp-millis' }
            ? undefined
            : S extends { readonly type: 'record' | 'error' | 'map' }
              ? 'object'
              : S extends { readonly type: 'enum' }
                ? 'string'
                : S extends { readonly type: 'fixed' }
                  ? 'buffer'
                  : S extends { readonly type: infer Type extends string }
                    ? Type extends 'array'
                      ? 'array'
                      : Kind<Type, N>
                    : undefined;

type IsAmbiguous<Branches extends readonly unknown[], N, Seen = never> = Branches extends readonly [
  infer First,
  ...infer Rest,
]
  ? Kind<First, N> extends Exclude<Seen, undefined>
    ? true
    : IsAmbiguous<Rest, N, Seen | Kind<First, N>>
  : false;

type Wrapped<Branch, N, Ns extends string> = Branch extends 'null'
  ? null
  : { [Name in BranchName<Branch, Ns>]: Value<Branch, N, Ns> };

type BranchName<S, Ns extends string> = S extends keyof Primitives
  ? S
  : S extends string
    ? FullName<S, Ns>
    : S extends { readonly name: infer Name extends string }
      ? FullName<Name, NamespaceOf<S, Ns>>
      : S extends { readonly type: infer Type extends string }
        ? Type
        : never;

type FullName<Name extends string, Ns extends string> = Name extends `${string}.${string}`
  ? Name
  : Ns extends ''
    ? Name
    : `${Ns}.${Name}`;
