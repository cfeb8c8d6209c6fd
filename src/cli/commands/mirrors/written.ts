/** A configuration, and the dialect in whose words it is. */
import type { DialectName } from '../../../kubernetes/mirrors/dialect-names.ts';
import type { MirrorFiles } from '../../../kubernetes/mirrors/dialect.ts';

/** A configuration in the words of one dialect. */
export interface Written extends MirrorFiles {
  readonly format: DialectName;
}
