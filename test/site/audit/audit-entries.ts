/** Entries of audit logs for tests. */
import { sha256 } from '../../../src/oci/digest.ts';
import type { AuditFacts } from '../../../src/site/audit/entry-schema.ts';
import { GENESIS, linkEntry, type LinkedEntry } from '../../../src/site/audit/audit-chain.ts';

/** What happened at a given minute. */
export function makeFacts(minute: number, changes: Partial<AuditFacts> = {}): AuditFacts {
  return {
    at: `2027-06-01T12:${String(minute % 60).padStart(2, '0')}:00Z`,
    event: 'completed',
    action: 'load',
    tool: '0.1.0',
    operator: { stated: 'Ann Example', uid: 1000, host: 'site' },
    archive: { path: `release-${minute}.tar`, digest: sha256(String(minute)) },
    target: 'docker://registry.internal:5000',
    release: { product: 'sample', channel: 'stable', version: `1.${minute}.0`, sequence: minute + 1 },
    signers: [{ kind: 'key', keyId: 'a'.repeat(64), algorithm: 'ed25519' }],
    images: [
      {
        reference: 'docker.io/a/b:1',
        place: 'registry.internal:5000/a/b:1',
        digest: sha256('image'),
        result: 'loaded',
      },
    ],
    exitCode: 0,
    ...changes,
  };
}

/** A chain of this many entries. */
export function makeChain(count: number): readonly LinkedEntry[] {
  const chain: LinkedEntry[] = [];
  for (let minute = 0; minute < count; minute++)
    chain.push(linkEntry(chain.at(-1)?.head ?? GENESIS, makeFacts(minute)));
  return chain;
}
