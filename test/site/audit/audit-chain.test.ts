/** The chain of an audit log: whatever is done to a line, the first line that is wrong is named, and why. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { AuditEntry } from '../../../src/site/audit/entry-schema.ts';
import {
  ChainVerifier,
  GENESIS,
  linkEntry,
  linkRecovery,
  readLine,
  type ChainSummary,
} from '../../../src/site/audit/audit-chain.ts';
import { serializeLine } from '../../../src/base/json/canonical-json.ts';
import { makeChain, makeFacts } from './audit-entries.ts';

const chain = makeChain(5);
const LINES = chain.map(({ line }) => line.toString().trimEnd());

function prove(lines: readonly string[]): ChainSummary {
  const proof = new ChainVerifier();
  for (const line of lines) proof.add(Buffer.from(line));
  return proof.finish();
}

/** What is wrong, where. */
function faultOf(lines: readonly string[]): object {
  try {
    prove(lines);
  } catch (error) {
    const { name, code, message, details } = error as Error & { code: string; details: object };
    return { name, code, message, ...details };
  }
  return { holds: true };
}

const fault = (line: number, what: string, message: string): object => ({
  name: 'IntegrityError',
  line,
  fault: what,
  message: expect.stringContaining(message) as string,
});
const at = (index: number): string => LINES[index] ?? '';
const change = (index: number, from: string, to: string): readonly string[] =>
  LINES.map((line, each) => (each === index ? line.replace(from, to) : line));

test('a chain that was left alone holds, and says what it knows', () => {
  expect(prove(LINES)).toEqual({
    entries: 5,
    first: '2027-06-01T12:00:00Z',
    last: '2027-06-01T12:04:00Z',
    head: chain.at(-1)?.head,
    recovered: 0,
    unfinished: { count: 0, sequences: [] },
  });
  expect(prove([])).toEqual({ entries: 0, head: GENESIS, recovered: 0, unfinished: { count: 0, sequences: [] } });
});

test('a line is printable ASCII whatever it tells of, and is read back', () => {
  const operator = { stated: 'Zoë \x1b[2J\u202e\u{1f600}\n', host: 'site' };
  const { line, entry, head } = linkEntry(GENESIS, makeFacts(1, { operator }));
  expect(line.toString('latin1')).toMatch(/^[\x20-\x7e]+\n$/);
  expect(readLine(line.subarray(0, -1))).toEqual({ entry, line, head });
  expect(entry).toMatchObject({ operator });
  expect(head.hash).toBe(sha256(line));
});

describe('a line that was', () => {
  test.each([0, 1, 3])('altered is named by the next one: %i', (index) => {
    expect(faultOf(change(index, '"uid":1000', '"uid":1001'))).toEqual(
      expect.objectContaining(fault(index + 1, 'altered', 'was altered')),
    );
  });

  test('altered and is the last is found by nobody but who noted the head', () => {
    const altered = change(4, '"uid":1000', '"uid":1001');
    expect(prove(altered).head.hash).not.toBe(chain.at(-1)?.head.hash);
  });

  test.each([
    ['other white space', '"uid":1000', '"uid": 1000'],
    ['a key twice', '"uid":1000', '"uid":0,"uid":1000'],
    ['an unknown key', '"uid":1000', '"uid":1000,"x":1'],
    ['another order', '"exitCode":0}', '"code":"X","exitCode":0}'],
    ['another escape', 'Ann', '\\u0041nn'],
    ['another version', '"logVersion":1', '"logVersion":2'],
    ['nothing of it left', /.*/.exec(at(2))?.[0] ?? '', '{}'],
  ])('altered by %s is named itself', (_, from, to) => {
    expect(faultOf(change(2, from, to))).toEqual(expect.objectContaining(fault(3, 'altered', 'line 3 was altered')));
  });

  test.each([
    ['cut', at(2).slice(0, -1)],
    ['emptied', ''],
    ['overwritten with zeros', '\0'.repeat(40)],
  ])('%s is named itself, since no crash is on record', (_, text) => {
    const lines = LINES.map((line, index) => (index === 2 ? text : line));
    expect(faultOf(lines)).toEqual(expect.objectContaining(fault(3, 'altered', 'no later one says')));
  });

  test.each([
    [1, 2],
    [2, 3],
  ])('removed, with the one after it in its place: %i', (index, line) => {
    expect(faultOf(LINES.filter((_, each) => each !== index))).toEqual(
      expect.objectContaining(fault(line, 'removed', `entry ${line}`)),
    );
  });

  test('removed at the beginning', () => {
    expect(faultOf(LINES.slice(1))).toEqual(expect.objectContaining(fault(1, 'removed', 'entry 1')));
    expect(faultOf(LINES.slice(2))).toEqual(expect.objectContaining(fault(1, 'removed', 'entries 1 to 2')));
  });

  test('moved', () => {
    const [a, b, c, d, e] = LINES as [string, string, string, string, string];
    expect(faultOf([a, c, b, d, e])).toEqual(expect.objectContaining(fault(2, 'removed', 'or lines were moved')));
    expect(faultOf([a, b, c, a])).toEqual(expect.objectContaining(fault(4, 'inserted', 'is entry 1 where 4')));
  });

  test('put in, tied to the line before it', () => {
    const forged = linkEntry(chain[1]?.head ?? GENESIS, makeFacts(30))
      .line.toString()
      .trimEnd();
    const lines = [...LINES.slice(0, 2), forged, ...LINES.slice(2)];
    expect(faultOf(lines)).toEqual(expect.objectContaining(fault(4, 'inserted', 'a line was inserted before it')));
  });

  test('taken from another log', () => {
    const other = linkEntry(GENESIS, makeFacts(9));
    expect(faultOf([other.line.toString().trimEnd(), ...LINES.slice(1)])).toEqual(
      expect.objectContaining(fault(1, 'altered', 'entry 2 was written after')),
    );
    const begun = linkEntry({ sequence: 0, hash: sha256('elsewhere') }, makeFacts(9));
    expect(faultOf([begun.line.toString().trimEnd()])).toEqual(
      expect.objectContaining(fault(1, 'altered', 'is not the beginning')),
    );
  });
});

describe('a line that a crash tore', () => {
  const facts = { at: '2027-06-01T12:30:00Z', tool: '0.1.0', operator: { host: 'site' } };
  const head = chain[2]?.head ?? GENESIS;
  const rest = (torn: string, from = head): readonly string[] => {
    const bytes = Buffer.from(`${torn}\n`);
    const recovery = linkRecovery(from, { bytes: bytes.length, digest: sha256(bytes) }, facts);
    const next = linkEntry(recovery.head, makeFacts(31));
    return [recovery, next].map(({ line }) => line.toString().trimEnd());
  };

  test.each(['{"logVersion":1,"seq', '\0'.repeat(100), 'two\nlines', ''])('holds once it is on record: %j', (torn) => {
    const lines = [...LINES.slice(0, 3), ...torn.split('\n'), ...rest(torn)];
    expect(prove(lines)).toMatchObject({ entries: 5, recovered: 1 });
  });

  test('at the end is reported, with what holds before it', () => {
    expect(faultOf([...LINES, at(4).slice(0, 50)])).toEqual(
      expect.objectContaining({ ...fault(6, 'torn', 'has 50 bytes of an entry'), code: 'MALFORMED' }),
    );
  });

  test.each([
    ['other bytes', 'other'],
    ['nothing', undefined],
  ])('is not a way to hide a line: %s', (_, torn) => {
    const lines = [...LINES.slice(0, 3), ...(torn === undefined ? [] : [torn]), ...rest('{"logVersion":1')];
    const wrong = torn === undefined ? fault(4, 'removed', 'there are none') : fault(4, 'altered', 'is not an entry');
    expect(faultOf(lines)).toEqual(expect.objectContaining(wrong));
  });
});

test('what began and has no end is counted and named', () => {
  const first = linkEntry(GENESIS, makeFacts(1, { event: 'started' }));
  const second = linkEntry(first.head, makeFacts(2, { event: 'started' }));
  const third = linkEntry(second.head, makeFacts(3, { event: 'failed', start: 2, exitCode: 1, code: 'REGISTRY' }));
  const lines = [first, second, third].map(({ line }) => line.toString().trimEnd());
  expect(prove(lines).unfinished).toEqual({ count: 1, sequences: [1] });
});

test('any change of any byte but those of the last line is found', () => {
  const whole = Buffer.from(`${LINES.join('\n')}\n`);
  const safe = whole.length - Buffer.byteLength(at(4)) - 1;
  fc.assert(
    fc.property(fc.nat(safe - 1), fc.integer({ min: 1, max: 255 }), (position, mask) => {
      const changed = Buffer.from(whole);
      changed[position] = (changed[position] ?? 0) ^ mask;
      const lines = changed.toString('latin1').split('\n').slice(0, -1);
      expect(faultOf(lines)).toMatchObject({ name: 'IntegrityError', line: expect.any(Number) as number });
    }),
    { numRuns: 300, seed: 7 },
  );
});

test('entries of every kind keep the order of their keys', () => {
  const identity = makeFacts(2, {
    signers: [{ kind: 'identity', issuer: 'https://issuer.example', subject: 'release@example' }],
    exceptions: ['ROLLBACK'],
    trust: { version: 3, digest: sha256('trust') },
  });
  const { entry, line } = linkEntry(GENESIS, identity);
  expect(serializeLine(AuditEntry.parse(JSON.parse(line.toString())))).toEqual(line);
  expect(entry).toMatchObject(identity);
});
