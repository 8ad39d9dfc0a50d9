/**
 * Drives nft. Small changes go to one long-lived `nft -i`, a line a transaction; a bare word behind it
 * is a guaranteed parse error and serves as the marker that the line was answered (only stderr is
 * unbuffered). Large ones go through `nft -f -`. After a time-out or a death the outcome is unknown:
 * the caller loads everything anew.
 */
import type { Clock, Timer } from "../../env/env.ts";
import type { Child, Exec } from "../../env/host.ts";
import { TransientError } from "../../util/errors.ts";
import { proxyLimits } from "./limits.ts";

export class Nft {
  readonly #exec: Exec;
  readonly #clock: Clock;
  #child: Child | undefined;
  #sequence = 0;
  #stderr = "";
  #waiting: { readonly marker: string; settle(error: Error | undefined): void } | undefined;
  #transactions = 0;

  constructor(exec: Exec, clock: Clock) {
    this.#exec = exec;
    this.#clock = clock;
  }

  /** One transaction through the long-lived child. One at a time: the caller joins what waits. Rejects when it was refused or its outcome is unknown. */
  apply(commands: readonly string[]): Promise<void> {
    const child = this.#ready();
    this.#sequence += 1;
    this.#transactions += 1;
    const marker = `mk${this.#sequence}`;
    return new Promise((resolve, reject) => {
      const timer: Timer = this.#clock.after(proxyLimits.answerMs, () => {
        this.#kill();
        settle(new TransientError(`nft did not answer in ${proxyLimits.answerMs} ms`));
      });
      const settle = (error: Error | undefined): void => {
        timer.cancel();
        this.#waiting = undefined;
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#waiting = { marker, settle };
      child.write(`${commands.join("; ")}\n${marker}\n`);
    });
  }

  /** One transaction in a process of its own. */
  async load(text: string): Promise<void> {
    const result = await this.#exec.run("nft", ["-f", "-"], { input: text, timeoutMs: proxyLimits.loadMs });
    if (result.exitCode !== 0) throw new TransientError(`nft refused the load: ${firstLines(result.stderr)}`);
  }

  async hasTable(table: string): Promise<boolean> {
    const result = await this.#exec.run("nft", ["list", "tables"], { timeoutMs: proxyLimits.answerMs });
    return result.stdout.split("\n").some((line) => line.trim() === `table ip ${table}`);
  }

  close(): void {
    this.#kill();
  }

  #ready(): Child {
    if (this.#transactions >= proxyLimits.childTransactionsMax) this.#kill();
    if (this.#child !== undefined) return this.#child;
    const child = this.#exec.start("nft", ["-i"]);
    this.#child = child;
    this.#transactions = 0;
    this.#stderr = "";
    child.onStdout(() => undefined);
    child.onStderr((text) => {
      if (this.#child === child) this.#read(text);
    });
    child.onExit(() => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#waiting?.settle(new TransientError("nft ended; the outcome of the change is unknown"));
    });
    return child;
  }

  #read(text: string): void {
    this.#stderr += text;
    if (this.#waiting === undefined) return;
    // The marker's own error: the message, the line itself, a line of carets.
    const own = new RegExp(`(?:^|\\n)Error: syntax error[^\\n]*\\n${this.#waiting.marker}\\n[^\\n]*\\n`).exec(
      this.#stderr,
    );
    if (own === null) return;
    const said = this.#stderr.slice(0, own.index).trim();
    this.#stderr = this.#stderr.slice(own.index + own[0].length);
    this.#waiting.settle(said === "" ? undefined : new TransientError(`nft refused a change: ${firstLines(said)}`));
  }

  #kill(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}

function firstLines(text: string): string {
  return text.trim().split("\n").slice(0, 3).join(" ");
}
