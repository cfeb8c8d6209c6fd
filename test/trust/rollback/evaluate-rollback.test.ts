/** Whether a release may follow what a site has seen: rollback, fork, freeze, clocks, floors and exceptions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SiteState } from '../../../src/trust/rollback/site-state-schema.ts';
import type { TrustDocument } from '../../../src/trust/documents/trust-document-schema.ts';
import { anchorTrust, type RootedTrust } from '../../../src/trust/documents/trust-chain.ts';
import {
  advanceState,
  findLine,
  evaluationTime,
  evaluateRollback,
  recordException,
  type Circumstances,
  type ReleaseFacts,
} from '../../../src/trust/rollback/evaluate-rollback.ts';
import { AirgapError } from '../../../src/errors.ts';
import { failure } from '../failures.ts';
import { digestOfText, idOf, makeDocument, signTrust } from '../documents/trust-documents.ts';

const NOW = new Date('2027-06-01T12:00:00Z');
const NOTHING: SiteState = { stateVersion: 1, lines: [], exceptions: [] };

function releaseOf(sequence: number | undefined, changes: Partial<ReleaseFacts> = {}): ReleaseFacts {
  const version = `1.${sequence ?? 'x'}.0`;
  const digest = digestOfText(version);
  return { product: 'sample', channel: 'stable', version, sequence, digest, signers: [idOf('release')], ...changes };
}

const trustOf = (changes: Partial<TrustDocument> = {}): RootedTrust => anchorTrust(signTrust(makeDocument(changes)));
const load = (release: ReleaseFacts, circumstances: Partial<Circumstances> = {}): SiteState => {
  const { state = NOTHING } = circumstances;
  const all = { now: NOW, ...circumstances, state };
  return advanceState(state, release, evaluateRollback(release, all), all);
};
const SEVEN = load(releaseOf(7));
const kindOf = (release: ReleaseFacts, circumstances: Partial<Circumstances> = {}): string =>
  evaluateRollback(release, { now: NOW, ...circumstances }).kind;
const refused = (code: Parameters<typeof failure>[1], message = '', hint?: string): Error =>
  failure('TrustError', code, message, hint);

describe('without a state', () => {
  test('nothing is known of what came before', () => expect(kindOf(releaseOf(1))).toBe('unknown'));

  test('expiry, product, revocation and floor are checked all the same', () => {
    const trust = trustOf({ minSequence: 5, revokedReleases: [digestOfText('1.9.0')] });
    expect(kindOf(releaseOf(5), { trust })).toBe('unknown');
    expect(() => kindOf(releaseOf(4), { trust })).toThrow(refused('ROLLBACK', '5 is the lowest'));
    expect(() => kindOf(releaseOf(undefined), { trust })).toThrow(refused('ROLLBACK', 'no sequence'));
    expect(() => kindOf(releaseOf(9), { trust })).toThrow(refused('REVOKED'));
    expect(() => kindOf(releaseOf(8, { product: 'other' }), { trust })).toThrow(refused('SUBJECT_MISMATCH'));
    expect(() => kindOf(releaseOf(8, { channel: 'beta' }), { trust })).toThrow(refused('SUBJECT_MISMATCH'));
    const expired = releaseOf(8, { expires: '2027-06-01T11:59:59Z' });
    expect(() => kindOf(expired)).toThrow(refused('EXPIRED', 'the release expired', '--state DIR --allow-rollback-to'));
  });
});

describe('a line of releases', () => {
  test('goes forward', () => {
    expect(kindOf(releaseOf(1), { state: NOTHING })).toBe('first');
    expect(kindOf(releaseOf(8), { state: SEVEN })).toBe('newer');
    expect(kindOf(releaseOf(7), { state: SEVEN })).toBe('same');
    expect(kindOf(releaseOf(undefined), { state: NOTHING })).toBe('unnumbered');
  });

  test('does not go back', () => {
    const hint = `--allow-rollback-to ${digestOfText('1.6.0')}`;
    expect(() => kindOf(releaseOf(6), { state: SEVEN })).toThrow(refused('ROLLBACK', '1.7.0 with sequence 7', hint));
    expect(() => kindOf(releaseOf(undefined), { state: SEVEN })).toThrow(refused('ROLLBACK', 'has no sequence'));
  });

  test('does not fork', () => {
    const fork = releaseOf(7, { digest: digestOfText('fork') });
    expect(() => kindOf(fork, { state: SEVEN })).toThrow(refused('FORK', digestOfText('1.7.0')));
  });

  test('is one of a product and a channel: others know nothing of it', () => {
    expect(kindOf(releaseOf(1, { channel: 'beta' }), { state: SEVEN })).toBe('first');
    expect(kindOf(releaseOf(1, { product: 'other' }), { state: SEVEN })).toBe('first');
    const both = load(releaseOf(1, { channel: 'beta' }), { state: SEVEN });
    expect(findLine(both, 'sample', 'stable')).toEqual(findLine(SEVEN, 'sample', 'stable'));
    expect(both.lines.map((line) => line.channel)).toEqual(['beta', 'stable']);
  });

  test('remembers unnumbered releases without a mark', () => {
    const state = load(releaseOf(undefined));
    expect(findLine(state, 'sample', 'stable')).toMatchObject({ last: { version: '1.x.0' } });
    expect(findLine(state, 'sample', 'stable')?.highest).toBeUndefined();
    expect(kindOf(releaseOf(undefined), { state })).toBe('same');
    expect(kindOf(releaseOf(1), { state })).toBe('first');
  });

  test('ends higher than it was, whatever is tried in whatever order', () => {
    const step = fc.record({
      sequence: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
      fork: fc.boolean(),
      allowed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let state = NOTHING;
        for (const { sequence, fork, allowed } of steps) {
          const release = releaseOf(sequence, fork ? { digest: digestOfText(`fork ${sequence ?? ''}`) } : {});
          const mark = findLine(state, 'sample', 'stable')?.highest;
          const exceptionFor = allowed ? release.digest : undefined;
          try {
            const rollback = evaluateRollback(release, { now: NOW, state, exceptionFor });
            const isBack = mark !== undefined && (sequence === undefined || sequence < mark.sequence);
            const isFork = mark !== undefined && sequence === mark.sequence && release.digest !== mark.digest;
            expect(rollback.kind === 'exception').toBe(isBack || isFork);
            state = advanceState(state, release, rollback, { now: NOW });
            const next = findLine(state, 'sample', 'stable');
            expect(next?.highest?.sequence ?? 0).toBe(Math.max(mark?.sequence ?? 0, sequence ?? 0));
            expect(next?.last.digest).toBe(release.digest);
          } catch (error) {
            if (!(error instanceof AirgapError)) throw error;
            expect(allowed).toBe(false);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('time', () => {
  const late = { ...SEVEN, lastSeen: '2027-06-02T12:00:00Z' };

  test('moves on with every load, never back', () => {
    expect(SEVEN.lastSeen).toBe('2027-06-01T12:00:00Z');
    const fiveMinutesBefore = new Date('2027-06-02T11:55:00Z');
    expect(load(releaseOf(8), { state: late, now: fiveMinutesBefore }).lastSeen).toBe(late.lastSeen);
    expect(evaluationTime({ now: fiveMinutesBefore, state: late }).toISOString()).toBe('2027-06-02T12:00:00.000Z');
  });

  test('a clock that was set back is refused', () => {
    expect(() => kindOf(releaseOf(8), { state: late })).toThrow(
      refused(
        'CLOCK',
        'says 2027-06-01T12:00:00Z, and this site has already seen 2027-06-02T12:00:00Z',
        'set the clock right',
      ),
    );
    expect(kindOf(releaseOf(8), { state: late, now: new Date('2027-06-02T11:50:00Z') })).toBe('newer');
  });

  test('a clock set back a little does not revive what has expired', () => {
    const expires = '2027-06-02T11:57:00Z';
    const now = new Date('2027-06-02T11:55:00Z');
    expect(kindOf(releaseOf(8, { expires }), { now, state: SEVEN })).toBe('newer');
    expect(() => kindOf(releaseOf(8, { expires }), { now, state: late })).toThrow(refused('EXPIRED', 'the release'));
    const trust = trustOf({ expires });
    expect(kindOf(releaseOf(8), { now, state: SEVEN, trust })).toBe('newer');
    expect(() => kindOf(releaseOf(8), { now, state: late, trust })).toThrow(
      refused('EXPIRED', 'version 1 of the trust'),
    );
  });

  test('trust that expired freezes nothing: it is refused', () => {
    const trust = trustOf({ expires: '2027-06-01T11:59:59Z' });
    expect(() => kindOf(releaseOf(8), { state: SEVEN, trust })).toThrow(refused('EXPIRED', 'expired at'));
    expect(kindOf(releaseOf(8), { state: SEVEN, trust: trustOf({ expires: '2027-06-01T12:00:00Z' }) })).toBe('newer');
  });
});

describe('an exception', () => {
  const six = releaseOf(6);

  test('is for one whole digest', () => {
    expect(evaluateRollback(six, { now: NOW, state: SEVEN, exceptionFor: six.digest })).toEqual({
      kind: 'exception',
      overrode: ['ROLLBACK'],
    });
    const other = digestOfText('another');
    expect(() => kindOf(six, { state: SEVEN, exceptionFor: other })).toThrow(refused('ROLLBACK'));
  });

  test('sets aside all of clock, expiry and order, and says which', () => {
    const state = { ...SEVEN, lastSeen: '2027-06-09T00:00:00Z' };
    const release = releaseOf(6, { expires: '2027-06-05T00:00:00Z' });
    const trust = trustOf({ expires: '2027-06-05T00:00:00Z' });
    expect(evaluateRollback(release, { now: NOW, state, trust, exceptionFor: release.digest }).overrode).toEqual([
      ...['CLOCK', 'EXPIRED', 'EXPIRED', 'ROLLBACK'],
    ]);
  });

  test('is none where nothing stands against the release', () => {
    const eight = releaseOf(8);
    expect(kindOf(eight, { state: SEVEN, exceptionFor: eight.digest })).toBe('newer');
  });

  test('helps neither against the floor nor against a revocation or another product', () => {
    const exceptionFor = six.digest;
    const below = { state: SEVEN, exceptionFor, trust: trustOf({ minSequence: 7 }) };
    expect(() => kindOf(six, below)).toThrow(refused('ROLLBACK', 'lowest', 'no exception'));
    const revoked = { state: SEVEN, exceptionFor, trust: trustOf({ revokedReleases: [six.digest] }) };
    expect(() => kindOf(six, revoked)).toThrow(refused('REVOKED'));
    const other = { state: SEVEN, exceptionFor, trust: trustOf({ product: 'other' }) };
    expect(() => kindOf(six, other)).toThrow(refused('SUBJECT_MISMATCH'));
  });

  test('is put on record and lowers no mark', () => {
    const circumstances = { now: NOW, state: SEVEN, exceptionFor: six.digest };
    const rollback = evaluateRollback(six, circumstances);
    const recorded = recordException(SEVEN, six, rollback, { now: NOW, command: 'load' });
    const state = advanceState(recorded, six, rollback, circumstances);
    expect(state.exceptions).toEqual([
      {
        at: '2027-06-01T12:00:00Z',
        command: 'load',
        product: 'sample',
        channel: 'stable',
        digest: six.digest,
        version: '1.6.0',
        overrode: ['ROLLBACK'],
      },
    ]);
    expect(findLine(state, 'sample', 'stable')).toMatchObject({ highest: { sequence: 7 }, last: { sequence: 6 } });
    // Going on with six needs the exception again: that it runs here does not make it new.
    expect(() => kindOf(releaseOf(5), { state })).toThrow(refused('ROLLBACK'));
    expect(() => kindOf(six, { state })).toThrow(refused('ROLLBACK'));
  });

  test('for a clock that once ran ahead believes the clock from then on', () => {
    const state = { ...SEVEN, lastSeen: '2099-01-01T00:00:00Z' };
    const eight = releaseOf(8);
    const next = load(eight, { state, exceptionFor: eight.digest });
    expect(next.lastSeen).toBe('2027-06-01T12:00:00Z');
    expect(kindOf(releaseOf(9), { state: next })).toBe('newer');
  });

  test('of a thousand, the last thousand are kept', () => {
    const rollback = { kind: 'exception', overrode: ['ROLLBACK'] } as const;
    let state = SEVEN;
    for (let index = 0; index < 1002; index++) {
      state = recordException(state, releaseOf(index + 1), rollback, { now: NOW, command: 'load' });
    }
    expect(state.exceptions).toHaveLength(1000);
    expect(state.exceptions.at(-1)?.version).toBe('1.1002.0');
  });
});

describe('a stolen release key that ran ahead', () => {
  const stolen = idOf('stolen');
  const ahead = load(releaseOf(999_999, { signers: [stolen] }));

  test('shuts genuine releases out', () => {
    expect(() => kindOf(releaseOf(8), { state: ahead })).toThrow(refused('ROLLBACK'));
  });

  test('shuts out nothing once the key is revoked; the floor remains', () => {
    const trust = trustOf({ revokedKeys: [stolen], minSequence: 7 });
    expect(kindOf(releaseOf(8), { state: ahead, trust })).toBe('renewed');
    expect(() => kindOf(releaseOf(6), { state: ahead, trust })).toThrow(refused('ROLLBACK', 'lowest'));
    const next = load(releaseOf(8), { state: ahead, trust });
    expect(findLine(next, 'sample', 'stable')?.highest?.sequence).toBe(8);
    expect(() => kindOf(releaseOf(7), { state: next, trust })).toThrow(refused('ROLLBACK', 'sequence 8'));
  });

  test('shuts out nothing once its release is revoked', () => {
    const trust = trustOf({ revokedReleases: [digestOfText('1.999999.0')] });
    expect(kindOf(releaseOf(8), { state: ahead, trust })).toBe('renewed');
  });

  test('keeps its mark when enough others signed too', () => {
    const both = load(releaseOf(20, { signers: [stolen, idOf('release')] }));
    const trust = trustOf({ revokedKeys: [stolen] });
    expect(() => kindOf(releaseOf(8), { state: both, trust })).toThrow(refused('ROLLBACK'));
  });
});

test('a clock may be ten minutes behind what the site has seen, and not a millisecond more', () => {
  const lastSeen = '2027-06-01T12:00:00Z';
  const state = { ...SEVEN, lastSeen };
  const at = (behindMs: number): Date => new Date(Date.parse(lastSeen) - behindMs);
  expect(kindOf(releaseOf(8), { state, now: at(600_000) })).toBe('newer');
  expect(() => kindOf(releaseOf(8), { state, now: at(600_001) })).toThrow(refused('CLOCK'));
});
