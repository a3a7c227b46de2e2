// Where the tokens of OAUTHBEARER come from on the command line: an endpoint that gives them for client credentials
// (RFC 6749, 4.4), or made here without a signature, which Kafka takes for trying things out.
import type { BearerToken } from '../../core/client/index.ts';
import { Fault } from '../../core/kernel/fault.ts';

export interface TokenEndpoint {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string | undefined;
}

const answerMs = 10_000;

export async function fetchToken({ url, clientId, clientSecret, scope }: TokenEndpoint): Promise<BearerToken> {
  const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}`, accept: 'application/json' },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope }) }),
    signal: AbortSignal.timeout(answerMs),
  });
  if (!response.ok) throw new Fault('BAD_TOKEN', { reason: `${new URL(url).host} answered ${response.status}` });
  const answer = (await response.json()) as { readonly access_token?: unknown; readonly expires_in?: unknown };
  if (typeof answer.access_token !== 'string') {
    throw new Fault('BAD_TOKEN', { reason: `${new URL(url).host} answered without an access_token` });
  }
  const lifetime = typeof answer.expires_in === 'number' ? { lifetimeMs: answer.expires_in * 1_000 } : {};
  return { value: answer.access_token, ...lifetime };
}

const unsecuredLifetimeMs = 3_600_000;

/** As Kafka's `OAuthBearerUnsecuredLoginCallbackHandler` makes it. */
export function unsecuredToken(claims: Readonly<Record<string, string>>): BearerToken {
  const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const issued = Date.now() / 1_000;
  const times = { iat: issued, exp: issued + unsecuredLifetimeMs / 1_000 };
  return {
    value: `${encoded({ alg: 'none' })}.${encoded({ ...times, ...claims })}.`,
    lifetimeMs: unsecuredLifetimeMs,
  };
}
