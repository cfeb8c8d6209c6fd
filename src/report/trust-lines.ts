/** Says how a release stands to the trust document and to what the site remembers. */
import type { TrustedRelease } from '../archive/verification/acceptance.ts';
import { nameSigner, toSignerName, type SignerName } from '../trust/signatures/identity.ts';
import { describeReason } from '../trust/documents/release-policy.ts';

/** How a release stands to what the site knows, for people. */
export function trustLines({ inventory, rollback, trust, setAside }: TrustedRelease): readonly string[] {
  const { name, channel, sequence } = inventory;
  const line = `${name}/${channel}`;
  const own = sequence === undefined ? 'no sequence' : `sequence ${sequence}`;
  const words = {
    unknown: 'not checked: earlier releases are remembered only with --state',
    first: `the first release of ${line} with a sequence at this site (${own})`,
    renewed: `newer than every release of ${line} at this site that is not revoked (${own})`,
    newer: `newer than every release of ${line} loaded at this site (${own})`,
    same: `the same release of ${line} that this site loaded before (${own})`,
    unnumbered: 'not checked: the release has no sequence',
    exception: `EXCEPTION for ${rollback.overrode.join(', ')}, on record in the state`,
  };
  return [
    ...(trust === undefined
      ? []
      : [
          `  trust     version ${trust.document.version} of ${line}, until ${trust.document.expires} (${trust.digest})`,
        ]),
    ...setAside.map(
      (signer) => `  ignored   the signature of ${nameSigner(signer)}, which is ${describeReason(signer)}`,
    ),
    `  rollback  ${words[rollback.kind]}`,
  ];
}

/** The same for machines. */
export function toTrustDocument({ rollback, trust, setAside }: TrustedRelease): {
  readonly document?: { readonly version: number; readonly digest: string; readonly expires: string };
  readonly ignoredSigners: (SignerName & { readonly reason: string })[];
  readonly rollback: TrustedRelease['rollback']['kind'];
  readonly overrode: string[];
} {
  return {
    ...(trust === undefined
      ? {}
      : { document: { version: trust.document.version, digest: trust.digest, expires: trust.document.expires } }),
    ignoredSigners: setAside.map((signer) => ({ ...toSignerName(signer), reason: describeReason(signer) })),
    rollback: rollback.kind,
    overrode: [...rollback.overrode],
  };
}
