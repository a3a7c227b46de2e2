import { expect, test } from 'vitest';
import { ByteReader } from '../../../core/kernel/byte-reader.ts';
import { ByteWriter } from '../../../core/kernel/byte-writer.ts';
import { isFault } from '../../../core/kernel/fault.ts';
import {
  type RequestHeader,
  readRequestHeader,
  readResponseHeader,
  writeRequestHeader,
  writeResponseHeader,
} from '../../../core/protocol/header.ts';
import { fromHex, messageFixtures } from '../../wire/fixtures.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

const requestBytes = (header: RequestHeader) => {
  const writer = new ByteWriter();
  writeRequestHeader(writer, header);
  return hex(writer.view());
};
const responseBytes = (apiKey: number, version: number) => {
  const writer = new ByteWriter();
  writeResponseHeader(writer, apiKey, version, 7);
  return hex(writer.view());
};

const base = { correlationId: 7, clientId: 'é' };

test('a flexible request has tagged fields and keeps the old client id', () => {
  expect(requestBytes({ ...base, requestApiKey: 0, requestApiVersion: 8 })).toBe('0000000800000007' + '0002c3a9');
  expect(requestBytes({ ...base, requestApiKey: 0, requestApiVersion: 9 })).toBe(
    '0000000900000007' + '0002c3a9' + '00',
  );
  expect(requestBytes({ ...base, clientId: null, requestApiKey: 0, requestApiVersion: 9 })).toBe(
    '0000000900000007ffff00',
  );
});

test('headers are as Apache Kafka writes them', () => {
  // The version of the fixture is the header's; key and version below call for just that one.
  const calls = { 1: { requestApiKey: 0, requestApiVersion: 3 }, 2: { requestApiKey: 0, requestApiVersion: 9 } };
  const fixtures = messageFixtures.filter(({ message }) => message === 'RequestHeader');
  expect(fixtures).toHaveLength(6);
  for (const { version, bytes } of fixtures) {
    const call = calls[version as 1 | 2];
    const writer = new ByteWriter();
    writer.int16(call.requestApiKey);
    writer.int16(call.requestApiVersion);
    writer.bytes(bytes.subarray(4));
    const reader = new ByteReader(writer.view());
    const header = readRequestHeader(reader);
    expect(reader.remaining).toBe(0);
    expect(header).toMatchObject(call);
    expect(requestBytes(header)).toBe(hex(writer.view()));
  }
});

test('a header of a version that is too new is read as the newest, of an unknown API as version 1', () => {
  const header = (bytes: string) => readRequestHeader(new ByteReader(fromHex(bytes)));
  expect(header('0012006300000001' + '000161' + '00')).toEqual({
    requestApiKey: 18,
    requestApiVersion: 99,
    correlationId: 1,
    clientId: 'a',
  });
  expect(header('03e7000000000001' + '000161').clientId).toBe('a');
});

test('a response is flexible with its request, but ApiVersions never is', () => {
  expect(responseBytes(0, 8)).toBe('00000007');
  expect(responseBytes(0, 9)).toBe('0000000700');
  expect(responseBytes(18, 4)).toBe('00000007');
  expect(responseBytes(47, 0)).toBe('00000007');
  expect(readResponseHeader(new ByteReader(fromHex('0000000700')), 0, 9)).toBe(7);
  expect(readResponseHeader(new ByteReader(fromHex('00000007')), 18, 4)).toBe(7);
});

test('unknown tagged fields of a header are skipped', () => {
  const reader = new ByteReader(fromHex('0000000900000007' + 'ffff' + '01' + '05' + '02' + 'abcd' + 'ff'));
  expect(readRequestHeader(reader).clientId).toBeNull();
  expect(reader.remaining).toBe(1);
});

test('a short header is refused', () => {
  let thrown: unknown;
  try {
    readRequestHeader(new ByteReader(fromHex('00000009000000')));
  } catch (error) {
    thrown = error;
  }
  expect(isFault(thrown, 'MALFORMED_BYTES')).toBe(true);
});
