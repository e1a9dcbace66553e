/**
 * Members of a call: threads with an instance of the kernels each, on one memory, each with a Problem of its own; the
 * structs lie side by side. The only file that knows atomics: in builds without threads a call has one member, and all
 * of this folds to nothing.
 *
 * No result depends on the number of members, because no sum does: a unit of work is computed by one member alone, and
 * what a team shares is split by key or by row.
 */
import { Problem } from "./problem";

/** Bytes from a member's Problem to the next one's. */
const STRIDE: usize = (offsetof<Problem>() + 63) & ~63;

/**
 * Spins at the barrier before a member goes to sleep: some 0.2 ms, more than the members of a team usually lie apart. Far
 * longer would cost a turn of the scheduler wherever another program takes the processor of one.
 */
const SPINS: i32 = 100_000;

/**
 * A rest is 0.1 s: two naps (in ns), or about as long of spinning where sleep is not allowed (a browser's main thread). A
 * member gives up after so many rests in a row, ten seconds, in which no member did anything.
 */
const NAP: i64 = 50_000_000;
const REST_NAPS: i32 = 2;
const REST_SPINS: i32 = 50_000_000;
const RESTS: i32 = 100;

export class Team {
  /** The Problem of member r of the same call. */
  @inline static of(p: Problem, r: i32): Problem {
    if (!ASC_FEATURE_THREADS) return p;
    return changetype<Problem>(changetype<usize>(p) + <usize>(r - p.member) * STRIDE);
  }

  /** Size of the team that works on one key head together, and this member's rank in it (0 leads). */
  @inline static size(p: Problem): i32 {
    return ASC_FEATURE_THREADS ? p.team : 1;
  }
  @inline static rank(p: Problem): i32 {
    return ASC_FEATURE_THREADS && p.team > 1 ? p.member : 0;
  }

  /** Where the share of the member of rank r in `count` things begins, and that of the one before it ends. */
  @inline static share(p: Problem, count: i32, r: i32): i32 {
    return Team.size(p) > 1 ? <i32>((<i64>count * r) / p.team) : count * r;
  }

  /**
   * A unit of work that nobody has taken, of 0 to units - 1, or -1. Each member has a range of its own, so that it stays
   * with the heads it has packed, and helps the others when that is done.
   */
  static take(p: Problem, units: i32): i32 {
    const members = ASC_FEATURE_THREADS ? p.members : 1;
    for (let n = 0; n < members; ++n) {
      const r = ASC_FEATURE_THREADS ? (p.member + n) % members : 0;
      const first = <i32>((<i64>units * r) / members);
      const end = <i32>((<i64>units * (r + 1)) / members);
      const counter = changetype<usize>(Team.of(p, r)) + offsetof<Problem>("taken");
      let taken = 0;
      if (ASC_FEATURE_THREADS) {
        taken = atomic.add<i32>(counter, 1);
      } else {
        taken = load<i32>(counter);
        store<i32>(counter, taken + 1);
      }
      if (first + taken < end) return first + taken;
    }
    return -1;
  }

  /**
   * Waits until every member of the team has come here. Traps where `turn` is negative: the calling thread has left (Problem.leave of
   * src/problem.ts). That thread itself traps after ten seconds without any progress: one has died. The others wait for it, which a debugger
   * may have stopped.
   */
  static barrier(p: Problem): void {
    if (!ASC_FEATURE_THREADS || p.team == 1) return;
    const leader = changetype<usize>(Team.of(p, 0));
    const arrived = leader + offsetof<Problem>("arrived");
    const turn = leader + offsetof<Problem>("turn");
    const now = atomic.load<i32>(turn);
    if (atomic.add<i32>(arrived, 1) == p.team - 1) {
      atomic.store<i32>(arrived, 0);
      atomic.add<i32>(turn, 1);
      atomic.notify(turn, p.team);
      return;
    }
    let progress = Team.progress(p);
    for (let rest = -1; rest < RESTS; ++rest) {
      if (rest >= 0 && p.sleeps) Team.sleep(turn, now, REST_NAPS);
      else Team.spin(turn, now, rest < 0 ? SPINS : REST_SPINS);
      const then = atomic.load<i32>(turn);
      if (then < 0) break;
      if (then != now) return;
      const sum = Team.progress(p);
      if (sum != progress || p.member != 0) rest = 0;
      progress = sum;
    }
    unreachable();
  }

  /**
   * Sleeps until the barrier opens, n naps at most. The baseline compiler of V8 11.3 (Node 20) loses the locals of a function
   * that holds atomic.wait, such as a number of naps: here nothing comes after it, and recursion keeps this from being inlined.
   */
  private static sleep(turn: usize, now: i32, n: i32): void {
    if (n > 1) Team.sleep(turn, now, n - 1);
    atomic.wait<i32>(turn, now, NAP);
  }

  /** Looks on until the barrier opens, n turns at most. */
  private static spin(turn: usize, now: i32, n: i32): void {
    while (n-- > 0 && atomic.load<i32>(turn) == now);
  }

  /** Says that this member is alive and at work: once for each block. */
  @inline static tick(p: Problem): void {
    if (ASC_FEATURE_THREADS) p.ticks += 1;
  }

  private static progress(p: Problem): i32 {
    let sum = 0;
    for (let r = 0; r < p.members; ++r)
      sum += atomic.load<i32>(changetype<usize>(Team.of(p, r)) + offsetof<Problem>("ticks"));
    return sum;
  }
}
