/** The provenance file beside a chart's package: a message, signed with OpenPGP, that names the package and its sum. */

/** What stands behind the name of a package in the name of its provenance file. */
export const PROVENANCE_EXTENSION = '.prov';
/** Bytes of a provenance file: a Chart.yaml and a signature. */
export const MAX_PROVENANCE_BYTES: number = 1024 * 1024;
/** With what it begins, but for text that is not signed. */
export const SIGNED_MESSAGE = '-----BEGIN PGP SIGNED MESSAGE-----';

/** Whether bytes look like a provenance file at all: some servers answer with a page where there is no file. */
export function isProvenance(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAX_PROVENANCE_BYTES)).includes(SIGNED_MESSAGE);
}
