/** The edges of what a state may hold: a signed release that needs more must be refused before, and not by its state. */
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { sha256 } from '../../../src/oci/digest.ts';
import { HighWaterMark, SiteState, StateException } from '../../../src/trust/rollback/site-state-schema.ts';

const at = '2026-01-31T12:00:00Z';
const digest = sha256('release');
const mark = { sequence: 1, digest, version: '1.0.0', signers: [] };
const exception = {
  at,
  command: 'load',
  product: 'demo',
  channel: 'stable',
  digest,
  version: '1',
  overrode: ['EXPIRED'],
};
const line = { product: 'demo', channel: 'stable', last: { digest, version: '1', at } };
const state = { stateVersion: 1, lines: [], exceptions: [] };
const of = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
const identity = { issuer: 'https://issuer.example', subject: 'someone' };

test.each<[what: string, schema: z.ZodType, make: (count: number) => unknown, least: number, most: number]>([
  ['characters of a version', HighWaterMark, (count) => ({ ...mark, version: 'v'.repeat(count) }), 1, 64],
  ['keys', HighWaterMark, (count) => ({ ...mark, signers: of(count, 'ab'.repeat(32)) }), 0, 256],
  ['identities', HighWaterMark, (count) => ({ ...mark, identities: of(count, identity) }), 1, 256],
  ['characters of a command', StateException, (count) => ({ ...exception, command: 'c'.repeat(count) }), 1, 64],
  ['codes', StateException, (count) => ({ ...exception, overrode: of(count, 'EXPIRED') }), 1, 16],
  ['characters of a code', StateException, (count) => ({ ...exception, overrode: ['C'.repeat(count)] }), 1, 64],
  ['lines', SiteState, (count) => ({ ...state, lines: of(count, line) }), 0, 1000],
  ['exceptions', SiteState, (count) => ({ ...state, exceptions: of(count, exception) }), 0, 1000],
])('%s', (_, schema, make, least, most) => {
  expect(schema.safeParse(make(least)).error).toBeUndefined();
  expect(schema.safeParse(make(most)).error).toBeUndefined();
  if (least > 0) expect(schema.safeParse(make(least - 1)).success).toBe(false);
  expect(schema.safeParse(make(most + 1)).success).toBe(false);
});
