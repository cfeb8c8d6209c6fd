/** The rules that a release is checked by when it is built: pinned in its lock, and read again from there. */
import { readTextFile } from '../../base/files/read-file.ts';
import { IntegrityError, UsageError } from '../../errors.ts';
import { MAX_RULES_LENGTH } from '../../compliance/site/rules-file.ts';
import { sha256 } from '../../oci/digest.ts';
import type { LockCheck, ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { CheckSpec } from '../../release/spec/check-schema.ts';
import { resolveSpecPath } from '../../release/spec/spec-paths.ts';

/** A file of rules. */
export interface RulesText {
  /** As the release.yaml names it. */
  readonly name: string;
  readonly text: string;
}

/** What is demanded of a release, with the content of its files of rules. */
export async function pinCheck({ rules, demands }: CheckSpec, directory: string): Promise<LockCheck> {
  const files = await Promise.all(rules.map((path) => readRulesFile(directory, path)));
  return {
    rules: files.map(({ name, text }) => ({ path: name, digest: sha256(text) })),
    demands: demands.map(({ values, profiles }) => ({
      ...(values === undefined ? {} : { values: [...values] }),
      profiles: [...profiles],
    })),
  };
}

/**
 * The files of rules that a lock pins.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the one that is another than the lock pins.
 */
export async function readLockedRules({ rules }: LockCheck, directory: string): Promise<readonly RulesText[]> {
  return await Promise.all(
    rules.map(async ({ path, digest }) => {
      const file = await readRulesFile(directory, path);
      if (sha256(file.text) === digest) return file;
      throw new IntegrityError('DIGEST_MISMATCH', `${path} has changed since the lock was written`, {
        hint: 'run `airgap resolve` to pin it anew',
        details: { file: path, pinned: digest, actual: sha256(file.text) },
      });
    }),
  );
}

/**
 * A lock is built as it is; but what has to be checked is for the release.yaml beside it to say.
 * @throws UsageError `INVALID_SPEC` where the lock demands something else than the release.yaml.
 */
export function assertCheckOf(lock: ReleaseLock, check: CheckSpec | undefined, specPath: string): void {
  const demanded = check && { rules: check.rules, demands: check.demands };
  const pinned = lock.check && { rules: lock.check.rules.map(({ path }) => path), demands: lock.check.demands };
  if (JSON.stringify(demanded) === JSON.stringify(pinned)) return;
  throw new UsageError('INVALID_SPEC', `the lock is not checked as ${specPath} demands`, {
    hint: 'run `airgap resolve` to pin it anew',
  });
}

async function readRulesFile(directory: string, name: string): Promise<RulesText> {
  const path = await resolveSpecPath(directory, name);
  return { name, text: await readTextFile(path, { what: 'a file of rules', limit: MAX_RULES_LENGTH }) };
}
