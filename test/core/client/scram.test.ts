import { describe, expect, test } from 'vitest';
import { createScram } from '../../../core/client/scram.ts';

/** RFC 7677, section 3. */
const sha256 = {
  options: { hash: 'sha256', username: 'user', password: 'pencil', nonce: 'rOprNGfwEbeRWgbNEkqO' },
  first: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  serverFirst: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  final: 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  serverFinal: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
} as const;

const started = () => createScram(sha256.options);

test('the conversation of RFC 7677 with SHA-256', async () => {
  const scram = started();
  expect(scram.first).toBe(sha256.first);
  expect(await scram.prove(sha256.serverFirst)).toBe(sha256.final);
  scram.verify(sha256.serverFinal);
});

test('a comma and an equals sign in a user name are escaped, as RFC 5802 says', () => {
  expect(createScram({ ...sha256.options, username: 'a,b=c' }).first).toBe('n,,n=a=2Cb=3Dc,r=rOprNGfwEbeRWgbNEkqO');
});

describe('a server is not believed', () => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO';
  const salt = 's=W22ZaJ0SNY7soEsUEjb6gQ==';

  test.each([
    ['of another nonce', `r=other,${salt},i=4096`, 'another conversation'],
    ['that adds nothing to the nonce', `r=${nonce},${salt},i=4096`, 'another conversation'],
    ['that asks for few iterations', `r=${nonce}x,${salt},i=4095`, '4095 iterations'],
    ['that asks for no end of iterations', `r=${nonce}x,${salt},i=2000000000`, '2000000000 iterations'],
    ['that wants an extension we do not know', `m=ext,r=${nonce}x,${salt},i=4096`, 'no SCRAM message'],
    ['that sends something else', 'HTTP/1.1 400 Bad Request', 'no SCRAM message'],
  ])('%s', async (_, message, reason) => {
    await expect(started().prove(message)).rejects.toThrow(reason);
  });

  test('that proves nothing', async () => {
    const scram = started();
    await scram.prove(sha256.serverFirst);
    expect(() => scram.verify('v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')).toThrow('did not prove');
    expect(() => scram.verify('v=')).toThrow('did not prove');
    expect(() => scram.verify('')).toThrow('did not prove');
    expect(() => scram.verify('e=invalid-proof')).toThrow('invalid-proof');
  });

  test('that proves itself before it was asked', () => {
    expect(() => started().verify(sha256.serverFinal)).toThrow('did not prove');
  });
});
