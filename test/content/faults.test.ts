/** A copy that fails says whose fault it is: what is brought must not be used, or the place it goes to is not right. */
import { describe, expect, test } from 'vitest';
import type { Bytes } from '../../src/base/bytes.ts';
import { copy } from '../../src/content/copy.ts';
import { discoverImage, mergeGraphs } from '../../src/content/graph-walk.ts';
import { assess } from '../../src/content/assess.ts';
import { planCopy, type CopyPlan } from '../../src/content/plan.ts';
import type { FetchOptions } from '../../src/content/store.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { refusesForm } from '../../src/content/faults.ts';
import { exitCodeOf, IntegrityError, RegistryError, StoreError } from '../../src/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { rejectionOf } from '../archive/failures.ts';
import { makeImage, type SampleNode } from '../helpers/sample-image.ts';
import { makeLayer } from '../helpers/sample-layer.ts';
import { RecordingStore, registryError, type Entry, type Interference } from './recording-store.ts';

const layer = makeLayer({ 'etc/motd': 'hello\n' });
const image = makeImage({ layers: [layer] });
const retry = { tries: 2, baseMs: 1, maxMs: 1 };
const failure = { method: 'PUT', url: 'https://r.example/', errors: [], retryable: false, doubtsContent: true };
const doubted = (status: number): RegistryError => new RegistryError(`answered ${status}`, { ...failure, status });
const lie = new IntegrityError('DIGEST_MISMATCH', 'r.example/app has another digest');

/** A source that may have changed since it was planned from. */
class ChangingStore extends RecordingStore {
  isChanged = false;

  override async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
    for await (const chunk of super.fetch(target, options)) {
      if (this.isChanged && target.digest === layer.descriptor.digest) yield Buffer.from(chunk).fill(0);
      else yield chunk;
    }
  }
}

async function sourceOf(root: SampleNode): Promise<ChangingStore> {
  const source = new ChangingStore('archive a.tar');
  for (const { descriptor, bytes } of [...root.blobs, root]) await source.push(descriptor, bytesOf(bytes));
  await source.tag(root.descriptor, '1');
  return source;
}

async function planTo(target: RecordingStore, source: ChangingStore): Promise<CopyPlan> {
  const part = await discoverImage(source, image.descriptor, { platforms: 'all', reference: 'app' });
  return planCopy(mergeGraphs([], [part]), [{ digest: image.descriptor.digest, source, target, tag: '1' }]);
}

async function failureOf(interfere: Interference, isChanged: boolean): Promise<unknown> {
  const source = await sourceOf(image);
  const target = new RecordingStore('registry.internal/app', [], interfere);
  const plan = await planTo(target, source);
  return await rejectionOf(async () => {
    const pending = await assess(plan, { concurrency: 2 });
    source.isChanged = isChanged;
    await copy(pending, { retry });
  });
}

const when =
  (verb: Entry['verb'], failure: unknown): Interference =>
  (entry) => {
    if (entry.verb === verb && (verb !== 'push' || entry.digest === layer.descriptor.digest)) throw failure;
  };
const blames = { code: 'TARGET_FAULT', message: expect.stringContaining('the target is at fault') as string };

describe('content that is wrong is at fault, whatever the target says to it', () => {
  test.each<[string, Interference]>([
    ['and notices', () => undefined],
    ['and answers 400', when('push', doubted(400))],
    ['and answers 422', when('push', doubted(422))],
  ])('%s', async (_, interfere) => {
    const outcome = await failureOf(interfere, true);
    expect(outcome).toMatchObject({ name: 'IntegrityError', message: expect.stringContaining('archive a.tar') as string });
    expect(exitCodeOf(outcome)).toBe(3);
  }); // prettier-ignore
});

describe('a target is at fault', () => {
  test.each<[string, Interference]>([
    ['that refuses content that is right', when('push', doubted(400))],
    ['that answers a push with another digest', when('push', lie)],
    ['that answers a question with content of another digest', when('exists', lie)],
    ['that tags something else', when('tag', lie)],
  ])('%s', async (_, interfere) => {
    const outcome = await failureOf(interfere, false);
    expect(outcome).toMatchObject({ ...blames, details: { target: 'registry.internal/app' } });
    expect(exitCodeOf(outcome)).toBe(1);
  });

  test('whose tag leads to content of another digest', async () => {
    const source = await sourceOf(image);
    const target = new (class extends RecordingStore {
      override resolve(): Promise<Descriptor> {
        return Promise.reject(lie);
      }
    })('registry.internal/app');
    const plan = await planTo(target, source);
    await expect(assess(plan, { concurrency: 1 })).rejects.toMatchObject(blames);
  });
});

test('a failure that says nothing of content stays what it is, and the content is not read again', async () => {
  const denied = registryError(413);
  const source = await sourceOf(image);
  const target = new RecordingStore('registry.internal/app', [], when('push', denied));
  const pending = await assess(await planTo(target, source), { concurrency: 1 });
  source.log.length = 0;
  expect(await rejectionOf(() => copy(pending, { retry, concurrency: 1 }))).toBe(denied);
  expect(source.log.filter(({ verb }) => verb === 'fetch').length).toBeLessThanOrEqual(1);
});

test.each([
  [400, true],
  [401, false],
  [404, false],
  [405, true],
  [406, true],
  [415, true],
  [422, true],
  [500, false],
  [501, true],
])('a target that answers %i refuses the form of a manifest: %s', (status, isRefusal) => {
  expect(refusesForm(new RegistryError('no', { ...failure, status }))).toBe(isRefusal);
  const cause = new RegistryError('no', { ...failure, status });
  expect(refusesForm(new StoreError('TARGET_FAULT', 'contradicts itself', { cause }))).toBe(isRefusal);
  expect(refusesForm(new StoreError('STORE_IO', 'no', { cause }))).toBe(false);
});
