/** Admits an archive under what the site remembers, and remembers it in turn when all is done. */
import { openSite, readSiteState, type Site } from './site-state.ts';
import { isLoading } from './audit/entry-schema.ts';
import { factsOf, type Acceptance, type TrustedRelease } from '../archive/verification/acceptance.ts';
import { advanceState, recordException } from '../trust/rollback/evaluate-rollback.ts';

/** Why an archive is admitted: what loads it, when it is complete, advances the state; a plan changes nothing. */
export type AdmissionPurpose = 'load' | 'deploy' | 'rollback' | 'extract' | 'verify' | 'plan';

/** What a site accepts: all of an acceptance but what it remembers, and where it remembers. */
export interface SiteTerms extends Omit<Acceptance, 'state'> {
  /** Directory of the site's state; without one, nothing is remembered. */
  readonly state: string | undefined;
}

/** An acceptance under the site's state, held until disposed where something may be written to it. */
export class Admission implements AsyncDisposable {
  readonly acceptance: Acceptance;
  readonly #purpose: AdmissionPurpose;
  readonly #site: Site | undefined;

  private constructor(acceptance: Acceptance, purpose: AdmissionPurpose, site: Site | undefined) {
    this.acceptance = acceptance;
    this.#purpose = purpose;
    this.#site = site;
  }

  /**
   * Reads the state, and takes its lock where it may be written: two loads at one site go one after the other.
   * @throws StoreError `LOCKED`
   */
  static async open({ state: directory, ...terms }: SiteTerms, purpose: AdmissionPurpose): Promise<Admission> {
    if (directory === undefined) return new Admission(terms, purpose, undefined);
    const isWriting = isLoading(purpose) || (purpose !== 'plan' && terms.exceptionFor !== undefined);
    const site = isWriting ? await openSite(directory) : undefined;
    const state = site?.state ?? (await readSiteState(directory));
    return new Admission({ ...terms, state }, purpose, site);
  }

  /** To be called when what was done with the release is complete. @throws StoreError `STORE_IO`, `NO_SPACE` */
  async remember(release: TrustedRelease): Promise<void> {
    if (this.#site === undefined) return;
    const { now } = this.acceptance;
    const { rollback, trust } = release;
    const facts = factsOf(release);
    const command = this.#purpose;
    let { state } = this.#site;
    if (rollback.kind === 'exception') state = recordException(state, facts, rollback, { now, command });
    if (isLoading(this.#purpose)) state = advanceState(state, facts, rollback, { now, trust });
    if (state !== this.#site.state) await this.#site.write(state);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site?.[Symbol.asyncDispose]();
  }
}
