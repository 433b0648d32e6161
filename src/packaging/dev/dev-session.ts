/**
 * The edit loop of one package: a change of its source folder becomes a version of its own, and gets
 * the traffic when it can serve.
 *
 * Owns: the order of looking, building, placing and promoting; drops and artifacts that are left over.
 * Does not own: the executor (who made the session ends it), when to look (hints.ts), what is shown.
 *
 * E1  What is reported was made of files that did not change meanwhile; else it is made once more.
 *     After MOST_ROUNDS a folder that never rests is served if it can be, and not called refused.
 * E2  A version that is refused changes nothing: the one before serves on, and its drop stays.
 * E3  Only the drop that serves and the one made last are in the packages folder, and of the artifacts
 *     those that a generation still uses.
 * E4  One build at a time; of the saves during one, the last wins.
 */

import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, delay } from '../../base/clock.ts'
import { HeadgateError, toHeadgateError } from '../../base/errors.ts'
import { TypedEmitter } from '../../base/events.ts'
import type { Executor } from '../../executor/api.ts'
import type { SwapReceipt } from '../../store/store.ts'
import { type Build, buildVersion, placeVersion } from './build.ts'
import type { DevEvents } from './dev-events.ts'
import { authorText, placesOf } from './fault-places.ts'
import { Hints } from './hints.ts'
import { differences, isIgnored, lacks, type Sight, SourceTree } from './source-tree.ts'
import { type SourceWatch, watchSource } from './source-watch.ts'

/** An editor that saves by deleting and renaming leaves a gap. */
const GAP_MS = 40
/** E1 */
const MOST_ROUNDS = 5

export interface DevSessionOptions {
  /** Absolute path of the source folder. */
  readonly dir: string
  readonly tenant: string
  /** Serves `packagesDir` alone, from `dataDir`; both are the session's to fill and to clear. */
  readonly executor: Executor
  readonly packagesDir: string
  readonly dataDir: string
  readonly clock: Clock
}

interface Attempt {
  /** What it was made for, relative paths. */
  readonly changed: readonly string[]
  /** The files changed again and again while it was made. */
  readonly isRestless: boolean
}

interface LoadedArtifact {
  readonly tenant: string
  readonly name: string
  readonly digest: string
}

export class DevSession {
  /** A listener that throws ends the process: nobody else would hear of it. */
  readonly events: TypedEmitter<DevEvents> = new TypedEmitter((fault) =>
    queueMicrotask(() => {
      throw fault
    }),
  )
  readonly #options: DevSessionOptions
  readonly #tree: SourceTree
  readonly #hints: Hints
  readonly #offs: (() => void)[] = []
  #watch: { readonly root: string | null; readonly watching: SourceWatch } | undefined
  #running: Promise<void> = Promise.resolve()
  #closed = false
  #number = 0
  /** Of the last build, however it ended. */
  #seen: Sight = { root: null, files: new Map() }
  #modules: readonly string[] = []
  /** The last build did not serve: being written again is enough to try again. */
  #failed = false
  /** The last one waits until another generation has drained. */
  #waitsForRoom = false
  /** Drops in the packages folder, with their versions. */
  readonly #entries = new Map<string, string>()
  /** By version, those that were loaded. */
  readonly #artifacts = new Map<string, LoadedArtifact>()
  #serving: { readonly entry: string; readonly version: string } | undefined

  constructor(options: DevSessionOptions) {
    this.#options = options
    this.#tree = new SourceTree(options.dir)
    this.#hints = new Hints(options.clock)
  }

  /** Resolves when the folder as it is now serves or is refused; then goes on until close(). */
  async start(): Promise<void> {
    const { executor } = this.#options
    this.#offs.push(
      executor.events.on('control', ({ to, tenant, package: name, version, digest }) => {
        this.#artifacts.set(version, { tenant, name, digest })
        if (to !== 'retired' && to !== 'rejected') return
        this.#clearArtifacts()
        if (this.#waitsForRoom) this.#hints.hint()
      }),
    )
    const began = this.#options.clock.monotonic()
    this.#follow(this.#tree.look())
    this.#running = this.#attempt(this.#tree.look(), [], began)
    await this.#running
    if (!this.#closed) this.#running = this.#run()
  }

  /** Watches no more; resolves when a build under way has ended. Close the executor as well. */
  async close(): Promise<void> {
    this.#closed = true
    for (const off of this.#offs) off()
    this.#hints.close()
    await Promise.all([this.#running, this.#watch?.watching.close()])
  }

  /** Paths in what a package wrote, led back to its source folder. */
  authorText(text: string): string {
    return authorText(text, this.#surroundings())
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const began = await this.#hints.next()
      if (this.#closed) return
      await this.#cycle(began ?? this.#options.clock.monotonic())
    }
  }

  async #cycle(began: number): Promise<void> {
    try {
      let sight = this.#look()
      if (lacks(this.#seen, sight)) {
        await delay(this.#options.clock, GAP_MS)
        sight = this.#look()
      }
      const by = this.#failed ? 'stamp' : 'bytes'
      const changed = differences(this.#seen, sight, by)
      const isGone = (this.#seen.root === null) !== (sight.root === null)
      if (changed.length === 0 && !isGone && !this.#waitsForRoom) return
      await this.#attempt(sight, changed, began)
    } catch (error) {
      this.#refused(error, { changed: [], isRestless: false })
    }
  }

  #look(): Sight {
    const sight = this.#tree.look()
    this.#follow(sight)
    return sight
  }

  /** A folder of the same name that is another one needs other watches. */
  #follow({ root }: Sight): void {
    if (this.#watch !== undefined && this.#watch.root === root) return
    const former = this.#watch?.watching.close()
    if (former !== undefined) former.catch(() => {})
    this.#watch = { root, watching: watchSource(this.#options.dir, () => this.#hints.hint()) }
  }

  /** E1 */
  async #attempt(sight: Sight, changed: readonly string[], began: number): Promise<void> {
    const { dir, clock } = this.#options
    const all = new Set(changed)
    let rounds = 0
    for (let of = sight; ; ) {
      this.#seen = of
      let build: Build | undefined
      let fault: unknown
      const buildBegan = clock.monotonic()
      try {
        build = await buildVersion(dir, this.#number + 1)
      } catch (error) {
        fault = error
      }
      if (this.#closed) return
      if (build !== undefined) this.#tree.include(build.modules)
      const now = this.#look()
      const moved = movedBetween(of, now)
      if (moved.length > 0 && ++rounds < MOST_ROUNDS) {
        for (const path of moved) all.add(path)
        of = now
        continue
      }
      const isRestless = moved.length > 0
      if (!isRestless) this.#seen = now
      const attempt = { changed: [...all], began, buildBegan, isRestless }
      if (build === undefined) this.#refused(fault, attempt)
      else await this.#serve(build, attempt)
      return
    }
  }

  async #serve(
    build: Build,
    attempt: Attempt & { readonly began: number; readonly buildBegan: number },
  ): Promise<void> {
    const { changed, began, buildBegan } = attempt
    const { executor, tenant, packagesDir, clock } = this.#options
    const { own, version } = build
    const { name } = own
    this.#number++
    this.#modules = build.modules
    const folder = tenant === 'public' ? '' : `@${tenant}/`
    const entry = `${folder}dev-${this.#number}`
    const placedAt = clock.monotonic()
    let receipt: SwapReceipt | undefined
    const off = executor.events.on('receipt', (one) => {
      if (one.package === name && one.to.version === version) receipt ??= one
    })
    try {
      placeVersion(
        build,
        join(packagesDir, `${folder}.dev-${this.#number}`),
        join(packagesDir, entry),
      )
      this.#entries.set(entry, version)
      await executor.reconcile()
      const stagedAt = clock.monotonic()
      const reason = changed.length === 0 ? 'the source folder' : `changed ${changed[0]}`
      await this.#promote(entry, { tenant, package: name, version, reason, actor: 'dev' })
      const isAgain = this.#failed && this.#serving !== undefined
      this.#serving = { entry, version }
      this.#failed = false
      this.#waitsForRoom = false
      const endedAt = clock.monotonic()
      this.events.emit('serving', {
        tenant,
        package: name,
        version,
        generation: receipt?.to.generation ?? null,
        changed,
        again: isAgain,
        warnings: build.warnings,
        ms: {
          total: endedAt - began,
          notice: buildBegan - began,
          bundle: placedAt - buildBegan,
          stage: stagedAt - placedAt,
          load: (receipt?.loadMs ?? 0) + (receipt?.probeMs ?? 0),
          swap: receipt?.swapMs ?? 0,
        },
      })
    } catch (error) {
      this.#refused(error, attempt)
    } finally {
      off()
      this.#clearDrops(entry)
    }
  }

  /** Throws why the drop was not taken, rather than that its version is not there. */
  async #promote(entry: string, promotion: Parameters<Executor['promote']>[0]): Promise<void> {
    const { executor } = this.#options
    try {
      await executor.promote(promotion)
    } catch (error) {
      const { tenant, package: name } = promotion
      const refusals = [
        ...executor.status().refusals,
        ...(executor.package(tenant, name)?.refusals ?? []),
      ]
      const refused = refusals.find((one) => one.entry === entry)
      if (refused === undefined) throw error
      throw HeadgateError.fromRecord({ ...refused.error, details: refused.error.details ?? {} })
    }
  }

  /** E2 */
  #refused(thrown: unknown, { changed, isRestless }: Attempt): void {
    this.#failed = true
    // The next look finds another state of the files, and half a save says nothing.
    if (this.#closed || isRestless) return
    const error = toHeadgateError(thrown)
    const around = this.#surroundings()
    this.#waitsForRoom = error.code === 'GENERATION_LIMIT'
    this.events.emit('refused', {
      error: { ...error.toRecord(), message: authorText(error.message, around) },
      places: placesOf(error, around),
      changed,
      servesOn: this.#serving?.version ?? null,
    })
  }

  #surroundings(): Parameters<typeof placesOf>[1] {
    const { dir, dataDir } = this.#options
    return { dir, slotsDir: join(dataDir, 'slots'), modules: this.#modules }
  }

  /** E3. Renamed first, so that nobody finds half of one. */
  #clearDrops(latest: string): void {
    const { packagesDir } = this.#options
    for (const entry of [...this.#entries.keys()]) {
      if (entry === latest || entry === this.#serving?.entry) continue
      this.#entries.delete(entry)
      const path = join(packagesDir, entry)
      const hidden = join(packagesDir, `.gone-${entry.replaceAll('/', '-')}`)
      renameSync(path, hidden)
      rmSync(hidden, { recursive: true, force: true })
    }
    this.#clearArtifacts()
  }

  /** E3. The executor keeps every version it has seen; here nobody asks for them again. */
  #clearArtifacts(): void {
    const { dataDir, executor } = this.#options
    const present = new Set(this.#entries.values())
    for (const [version, { tenant, name, digest }] of [...this.#artifacts]) {
      const generations = executor.package(tenant, name)?.generations ?? []
      if (present.has(version) || generations.some((one) => one.version === version)) continue
      this.#artifacts.delete(version)
      rmSync(join(dataDir, 'artifacts', digest), { recursive: true, force: true })
    }
  }
}

/** What a build may have met in two states. Which further modules are looked at is the build's doing. */
function movedBetween(before: Sight, after: Sight): string[] {
  return differences(before, after, 'stamp').filter(
    (path) => !isIgnored(path) || (before.files.has(path) && after.files.has(path)),
  )
}
