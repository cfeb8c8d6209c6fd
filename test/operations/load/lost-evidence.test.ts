/** A signature of an index says nothing of one that takes its place: that is said, or refused, and never passed over. */
import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { trustArchive, type TrustedArchive } from '../../../src/archive/verification/trusted-archive.ts';
import type { Bytes } from '../../../src/base/bytes.ts';
import { exitCodeOf, RegistryError } from '../../../src/errors.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { loadRelease, planLoad, type LoadPlan } from '../../../src/operations/load/load.ts';
import { createLayoutTarget } from '../../../src/release/mapping/image-target.ts';
import {
  assertEvidenceKept,
  describeImages,
  toImageOutcomes,
  type ImageOutcome,
} from '../../../src/report/loads/transfers.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { rejectionOf } from '../../archive/failures.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../../archive/forge.ts';
import { makeRelease, sampleEvidence } from '../../archive/sample-release.ts';
import { allOf } from '../../helpers/all-of.ts';
import { makeMultiPlatformImage } from '../../helpers/sample-image.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const APP = 'registry.example/team/app:1';
const app = makeMultiPlatformImage({ name: 'app', base: makeLayer({ base: 'base' }) });
const platforms = ['linux/amd64'];

/** Takes the original index, or refuses it as registries do that want every child to be there. */
class Target extends MemoryStore {
  refuses = true;

  override async push(expected: Descriptor, content: Bytes): Promise<void> {
    if (this.refuses && expected.digest === app.descriptor.digest) {
      const failure = { method: 'PUT', url: 'https://r.example/', status: 404, errors: [], retryable: false };
      throw new RegistryError('answered 404', { ...failure, missesContent: true });
    }
    await super.push(expected, content);
  }
}

let target: Target;
beforeEach(() => {
  target = new Target('target');
});

async function archiveOf(hasEvidence: boolean, pieces?: number): Promise<TrustedArchive> {
  const evidence = hasEvidence ? { evidence: sampleEvidence(app).slice(0, pieces) } : {};
  const release = await makeRelease({ images: { [APP]: app }, ...evidence });
  await writeFile(temp.join('a.tar'), await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey))); // prettier-ignore
  return await trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });
}

async function load(archive: TrustedArchive, requireEvidence = false): Promise<readonly ImageOutcome[]> {
  const images = createLayoutTarget('target', target);
  const plan: LoadPlan = await planLoad(archive, images, { platforms, requireEvidence });
  const outcome = await loadRelease(plan);
  return toImageOutcomes(plan.images, archive.release.inventory, plan.pending, images, outcome);
}

describe('an index that is rebuilt', () => {
  test('loses the evidence about it, which is named, and ends with exit code 5; so does every further run', async () => {
    using archive = await archiveOf(true);
    for (const result of ['rebuilt', 'present']) {
      const images = await load(archive);
      const lost = images[0]?.lostEvidence ?? [];
      expect(images[0]?.result).toBe(result);
      expect(lost.map(({ kind }) => kind).sort()).toEqual(['sbom', 'signature']);
      expect(allOf(lost, ({ subject }) => subject === app.descriptor.digest)).toBe(true);
      expect(describeImages(images, []).lines.join('\n')).toMatch(/NO LONGER VERIFIES: 1 signature, 1 sbom of the original index/);
      const error = await rejectionOf(async () => assertEvidenceKept(images));
      expect(error).toMatchObject({ code: 'EVIDENCE_LOST', items: [expect.stringContaining(APP) as string] });
      expect(exitCodeOf(error)).toBe(5);
    }
  }); // prettier-ignore

  test.each([1, 4])('is refused where evidence is required, and no tag appears (%i pieces)', async (pieces) => {
    using archive = await archiveOf(true, pieces);
    await expect(load(archive, true)).rejects.toMatchObject({ name: 'RegistryError' });
    await expect(target.resolve(APP)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each([true, false])('without evidence about it loses none (evidence required: %s)', async (requireEvidence) => {
    using archive = await archiveOf(false);
    const images = await load(archive, requireEvidence);
    expect(images[0]).toMatchObject({ result: 'rebuilt' });
    expect(() => assertEvidenceKept(images)).not.toThrow();
  });
});

test('an index that is taken as it is keeps its evidence', async () => {
  target.refuses = false;
  using archive = await archiveOf(true);
  const images = await load(archive, true);
  expect(images[0]?.result).toBe('loaded');
  expect(() => assertEvidenceKept(images)).not.toThrow();
  expect(describeImages(images, []).lines.join('\n')).toContain('with 3 signatures, 1 sbom');
});
