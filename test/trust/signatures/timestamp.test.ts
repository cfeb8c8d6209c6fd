/** RFC 3161 timestamps by a real authority: what they prove, and what they do not. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import type { Bundle } from '@sigstore/bundle';
import { createTimestamper } from '../../../src/trust/signing/timestamps.ts';
import { readBundle } from '../../../src/trust/signatures/bundle.ts';
import { signatureOf } from '../../../src/trust/signatures/certificate-identity.ts';
import { openAuthorities, type Authorities } from '../../../src/trust/signatures/pinned-root.ts';
import {
  evaluateSignatures,
  toReleasePolicy,
  type ReleaseVerdict,
} from '../../../src/trust/documents/release-policy.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { evaluateTimestamps } from '../../../src/trust/signatures/timestamp.ts';
import { checkTimestampAnswer, createTimestampRequest } from '../../../src/trust/signing/timestamp-request.ts';
import { verifySignatures } from '../../../src/trust/signatures/evaluate-signatures.ts';
import type { PinnedTrustedRoot } from '../../../src/trust/signatures/pinned-root-schema.ts';
import type { TrustDocument } from '../../../src/trust/documents/trust-document-schema.ts';
import { drain, startScriptedServer } from '../../helpers/scripted-server.ts';
import { startTimestampAuthority, type TimestampAuthority } from '../../helpers/timestamp-authority.ts';
import { failure } from '../failures.ts';
import { entryOf, idOf, makeDocument, pairOf } from '../documents/trust-documents.ts';

const DATA = Buffer.from('a'.repeat(64) + '  release.json\n');
const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
const NOTHING = { environment: {} };
const HOUR_MS = 3_600_000;

let clock: TimestampAuthority;
let rsaClock: TimestampAuthority;
let stamped: Buffer;
let bare: Buffer;
beforeAll(async () => {
  [clock, rsaClock] = await Promise.all([startTimestampAuthority(), startTimestampAuthority({ keys: 'rsa' })]);
  stamped = await sign('passing', clock.url);
  bare = await sign('passing');
});
afterAll(async () => {
  await clock[Symbol.asyncDispose]();
  await rsaClock[Symbol.asyncDispose]();
});

async function sign(name: string, url?: string): Promise<Buffer> {
  const timestamp = url === undefined ? undefined : createTimestamper(new URL(url), NOTHING);
  return Buffer.from(await createKeySigner(pairOf(name).privateKey, { timestamp }).sign(DATA));
}

type Pinned = NonNullable<PinnedTrustedRoot['timestampAuthorities']>[number];
const rootOf = (...timestampAuthorities: readonly Pinned[]): PinnedTrustedRoot => ({
  mediaType: MEDIA_TYPE,
  timestampAuthorities: [...timestampAuthorities],
});
const authorities = (...pinned: readonly Pinned[]): Authorities => openAuthorities(rootOf(...pinned), 'root');
const at = (ms: number): string => new Date(Date.now() + ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** The bundle with the timestamps of another. */
function restamp(bundle: Buffer, tokens: readonly string[]): Buffer {
  const json = JSON.parse(bundle.toString()) as { verificationMaterial: Record<string, unknown> };
  const rfc3161Timestamps = tokens.map((signedTimestamp) => ({ signedTimestamp }));
  json.verificationMaterial['timestampVerificationData'] = tokens.length === 0 ? {} : { rfc3161Timestamps };
  return Buffer.from(JSON.stringify(json));
}

function tokenOf(bundle: Buffer): string {
  return /"signedTimestamp":"([^"]+)"/.exec(bundle.toString())?.[1] ?? '';
}

/** By a key whose window closed an hour from now, judged a year later. */
function judge(bundle: Buffer, changes: Partial<TrustDocument> = {}, validUntil = at(HOUR_MS)): ReleaseVerdict {
  const document = makeDocument({
    keys: [entryOf('root', ['root']), entryOf('passing', ['release'], { validUntil })],
    trustedRoot: rootOf(clock.pinned),
    expires: '2099-01-01T00:00:00Z',
    ...changes,
  });
  return evaluateSignatures(DATA, [bundle], toReleasePolicy(document, new Date(Date.now() + 366 * 24 * HOUR_MS)));
}

describe('a timestamp', () => {
  test.each(['ec', 'rsa'])('by an authority with %s keys proves a time', async (keys) => {
    const by = keys === 'ec' ? clock : rsaClock;
    const bundle = readBundle(await sign('passing', by.url), 'it');
    const [verdict] = evaluateTimestamps(bundle, signatureOf(bundle), authorities(clock.pinned, rsaClock.pinned));
    expect(Math.abs(Date.now() - ((verdict as { time?: Date }).time?.getTime() ?? 0))).toBeLessThan(15 * 60_000);
  });

  const judgeOne = (bundle: Bundle, by: Authorities): object | undefined =>
    evaluateTimestamps(bundle, signatureOf(bundle), by)[0];

  it('of an authority that is not pinned, or not for that time, proves nothing', () => {
    const bundle = readBundle(stamped, 'it');
    expect(judgeOne(bundle, authorities(rsaClock.pinned))).toEqual({ fault: 'is by an authority that is not pinned' });
    const { validFor } = clock.pinned;
    for (const window of [
      { ...validFor, end: new Date(Date.now() - HOUR_MS / 2).toISOString() },
      { start: new Date(Date.now() + HOUR_MS).toISOString() },
    ]) {
      const verdict = judgeOne(bundle, authorities({ ...clock.pinned, validFor: window }));
      expect(verdict).toEqual({
        fault: expect.stringContaining('outside the time its authority is trusted for') as string,
      });
    }
  });

  it('by somebody who only has the name of the authority proves nothing', () => {
    const [leaf, root] = clock.pinned.certChain.certificates;
    const [other] = rsaClock.pinned.certChain.certificates.slice(1);
    if (leaf === undefined || root === undefined || other === undefined) throw new Error('a chain of two');
    const forged = { ...clock.pinned, certChain: { certificates: [leaf, other] } };
    expect(judgeOne(readBundle(stamped, 'it'), authorities(forged))).toEqual({
      fault: 'is not by the authority it names',
    });
  });

  it('moved to another signature, damaged or none at all proves nothing', async () => {
    const other = await sign('other', clock.url);
    const cases = {
      [tokenOf(other)]: 'about another signature',
      [Buffer.from('no DER').toString('base64')]: 'cannot be read',
    };
    const token = Buffer.from(tokenOf(stamped), 'base64');
    cases[Buffer.concat([token, Buffer.alloc(1)]).toString('base64')] = 'cannot be read';
    const damaged = Buffer.from(token);
    damaged[damaged.length - 5] = (damaged[damaged.length - 5] ?? 0) ^ 1;
    cases[damaged.toString('base64')] = 'is not by the authority';
    for (const [signedTimestamp, fault] of Object.entries(cases)) {
      const bundle = readBundle(restamp(stamped, [signedTimestamp]), 'it');
      expect(judgeOne(bundle, authorities(clock.pinned))).toEqual({ fault: expect.stringContaining(fault) as string });
    }
  });
});

describe('a key whose window has closed', () => {
  it('counts for what it signed inside of it', () => {
    const { accepted, setAside } = judge(stamped);
    expect(accepted).toEqual([{ keyId: idOf('passing'), algorithm: 'ed25519', signedAt: expect.any(Date) as Date }]);
    expect(setAside).toEqual([]);
  });

  it('counts when one of several timestamps proves it', async () => {
    const other = await sign('passing', rsaClock.url);
    expect(judge(restamp(stamped, [tokenOf(other), tokenOf(stamped)])).accepted).toHaveLength(1);
  });

  it('does not count without a timestamp, or with one that proves nothing', async () => {
    const refused = (detail: string): Error => failure('TrustError', 'EXPIRED', `which signed, is expired: ${detail}`);
    expect(() => judge(bare)).toThrow(refused('no trusted timestamp says when it signed'));
    const other = await sign('other', clock.url);
    expect(() => judge(restamp(bare, [tokenOf(other)]))).toThrow(refused('its timestamp is about another signature'));
    const strange = await sign('passing', rsaClock.url);
    expect(() => judge(strange)).toThrow(refused('its timestamp is by an authority that is not pinned'));
    const end = new Date(Date.now() - HOUR_MS / 2).toISOString();
    const closed = rootOf({ ...clock.pinned, validFor: { ...clock.pinned.validFor, end } });
    expect(() => judge(stamped, { trustedRoot: closed })).toThrow(refused('its timestamp says'));
  });

  it('does not count for what it signed after it had been retired', () => {
    expect(() => judge(stamped, {}, at(-HOUR_MS))).toThrow(failure('TrustError', 'EXPIRED', 'expired: it signed at'));
  });

  it('does not count when it is revoked, whatever its timestamp says', () => {
    const keys = [entryOf('root', ['root']), entryOf('other', ['release'])];
    expect(() => judge(stamped, { keys, revokedKeys: [idOf('passing')] })).toThrow(
      failure('TrustError', 'REVOKED', 'is revoked'),
    );
  });

  it('does not count for a signature that is not its own', () => {
    const forged = restamp(stamped, [tokenOf(stamped)]);
    const json = JSON.parse(forged.toString()) as { messageSignature: { signature: string } };
    json.messageSignature.signature = Buffer.alloc(64, 1).toString('base64');
    expect(() => judge(Buffer.from(JSON.stringify(json)))).toThrow(failure('TrustError', 'SIGNATURE_INVALID'));
  });

  it('is told apart from one that counts by itself: without a document timestamps change nothing', () => {
    const policy = { keys: [pairOf('passing').publicKey], threshold: 1 };
    for (const bundle of [stamped, bare, restamp(bare, [Buffer.from('junk').toString('base64')])]) {
      expect(verifySignatures(DATA, [bundle], policy).accepted).toHaveLength(1);
    }
  });
});

describe('asking', () => {
  const signature = Buffer.from('a signature');

  it('is refused an answer to another question, or about something else', async () => {
    const answers: Buffer[] = [];
    await using replaying = await startTimestampAuthority({
      tamper: (answer) => {
        answers.push(answer);
        return answers[0] ?? answer;
      },
    });
    const ask = createTimestamper(new URL(replaying.url), NOTHING);
    await ask(signature);
    await expect(ask(signature)).rejects.toThrow(failure('StoreError', 'STORE_IO', 'is to another question'));
    const request = createTimestampRequest(signature);
    await using honest = await startTimestampAuthority();
    const response = await fetch(honest.url, { method: 'POST', body: new Uint8Array(request.query) });
    const answer = Buffer.from(await response.arrayBuffer());
    expect(() => checkTimestampAnswer(answer, signature, request, 'it')).not.toThrow();
    expect(() => checkTimestampAnswer(answer, Buffer.from('other'), request, 'it')).toThrow('is about something else');
    // Granted with changes, as an authority says that added something of its own: RFC 3161 takes both for a timestamp.
    const withStatus = (status: number): Buffer => {
      const at = answer.indexOf(Buffer.from('3003020100', 'hex')) + 4;
      return Buffer.concat([answer.subarray(0, at), Buffer.from([status]), answer.subarray(at + 1)]);
    };
    expect(() => checkTimestampAnswer(withStatus(1), signature, request, 'it')).not.toThrow();
    expect(() => checkTimestampAnswer(withStatus(2), signature, request, 'it')).toThrow('is a refusal (PKIStatus 2)');
  });

  test.each<[string, string, Buffer]>([
    ['a refusal', 'is a refusal (PKIStatus 2)', Buffer.from('30053003020102', 'hex')],
    ['no DER', 'is not a timestamp in DER', Buffer.from('<html>')],
    ['an empty answer', 'is not a timestamp in DER', Buffer.alloc(0)],
    ['a granted nothing', 'cannot be read', Buffer.from('30053003020100', 'hex')],
  ])('is refused %s', async (_, reason, answer) => {
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      response.end(answer);
    });
    const ask = createTimestamper(new URL(`http://${server.host}`), NOTHING);
    await expect(ask(signature)).rejects.toThrow(failure('StoreError', 'STORE_IO', reason));
  });

  it('does not wait for ever, nor read for ever, nor go where it is sent', async () => {
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      if (request.url === '/hangs') return;
      if (request.url === '/endless') return void response.end(Buffer.alloc(300 * 1024));
      response.writeHead(302, { location: `${clock.url}/` }).end();
    });
    const ask = (path: string): Promise<Buffer> =>
      createTimestamper(new URL(`http://${server.host}/${path}`), { environment: {}, timeoutMs: 300 })(signature);
    await expect(ask('hangs')).rejects.toThrow(failure('StoreError', 'STORE_IO', 'no answer within 0.3 s'));
    await expect(ask('endless')).rejects.toThrow(failure('StoreError', 'STORE_IO', 'more than 262144 bytes'));
    await expect(ask('elsewhere')).rejects.toThrow(failure('StoreError', 'STORE_IO', 'status 302'));
    const aborted = AbortSignal.abort(new DOMException('stopped', 'AbortError'));
    const stopped = createTimestamper(new URL(clock.url), { environment: {}, signal: aborted });
    await expect(stopped(signature)).rejects.toThrow('stopped');
  });
});
