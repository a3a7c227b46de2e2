// What a client is given to be let in by a cluster: how the connection is made secret, and who the client is. Plain data
// but for the callback of OAUTHBEARER. Nothing here is ever part of an error or a log line but names.

/** As `ssl.*` of Kafka's clients, in PEM form. Left out: the authorities that Node.js trusts, and no certificate of ours. */
export interface TlsOptions {
  /** Certificates of the authorities to trust, instead of those that Node.js trusts. */
  readonly ca?: string | Uint8Array;
  /** The client's own certificate and those it follows from, for nodes that ask for one. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Of the key, where it is encrypted. */
  readonly passphrase?: string;
  /** The name to expect in a node's certificate. Default the host that is connected to. */
  readonly servername?: string;
  /** False: the name in the certificate isn't looked at, as an empty `ssl.endpoint.identification.algorithm`. Default true. */
  readonly verifyHost?: boolean;
  /** False: any certificate will do, so that who answers may be anybody. Default true. */
  readonly rejectUnauthorized?: boolean;
}

export interface BearerToken {
  readonly value: string;
  /** For how long it holds from now on. After four fifths of it the callback is asked anew; left out: for each connection. */
  readonly lifetimeMs?: number;
  /** SASL extensions (KIP-342). */
  readonly extensions?: Readonly<Record<string, string>>;
}

export type SaslOptions =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: () => BearerToken | Promise<BearerToken> };

export interface SecurityOptions {
  /** True: TLS with the defaults. */
  readonly tls?: TlsOptions | true;
  readonly sasl?: SaslOptions;
}
