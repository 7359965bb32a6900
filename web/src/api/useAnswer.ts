import { useEffect, useRef, useState } from 'preact/hooks'
import { address, ask, Problem, type AnswerTo, type GetPaths, type Question } from './client'
import { loading } from './activity'
import { requireToken } from './session'
import { useTick } from '../state/live'

export interface Loaded<T> {
  /** The newest answer; while the next one loads, still the one before. */
  answer: T | null
  problem: Problem | null
}

/**
 * The answer to a question, asked again whenever the question changes or a live
 * tick comes. null asks nothing. The old answer stays until the new one is there;
 * when the store is away it asks again by itself.
 */
export function useAnswer<P extends GetPaths>(question: Question<P> | null): Loaded<AnswerTo<P>> {
  const key = question ? address(question) : ''
  const tick = useTick()
  const [state, setState] = useState<Loaded<AnswerTo<P>>>({ answer: null, problem: null })
  const [attempt, setAttempt] = useState(0)
  const asked = useRef(question)
  asked.current = question

  useEffect(() => {
    const current = asked.current
    if (!current) {
      setState({ answer: null, problem: null })
      return
    }
    const abort = new AbortController()
    let retry: ReturnType<typeof setTimeout> | undefined
    const done = loading()
    ask(current, abort.signal)
      .then((answer) => setState({ answer, problem: null }))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return
        const problem = error instanceof Problem ? error : new Problem(0, 'Unexpected answer', String(error))
        if (problem.status === 401) requireToken(() => setAttempt((n) => n + 1))
        else if (problem.retryAfter !== null)
          retry = setTimeout(() => setAttempt((n) => n + 1), problem.retryAfter * 1000)
        // While the store is away the old picture stays; a wrong question has none.
        setState((before) => ({ answer: problem.retryAfter === null ? null : before.answer, problem }))
      })
      .finally(done)
    return () => {
      abort.abort()
      clearTimeout(retry)
    }
  }, [key, tick, attempt])

  return state
}
