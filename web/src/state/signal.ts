import { useEffect, useState } from 'preact/hooks'

/** A value that components can watch. */
export interface Signal<T> {
  get(): T
  set(value: T): void
  subscribe(listener: () => void): () => void
}

export function signal<T>(initial: T): Signal<T> {
  let value = initial
  const listeners = new Set<() => void>()
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return
      value = next
      for (const listener of [...listeners]) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

export function useSignal<T>(source: Signal<T>): T {
  const [value, setValue] = useState(source.get())
  useEffect(() => {
    const listener = () => setValue(() => source.get())
    listener()
    return source.subscribe(listener)
  }, [source])
  return value
}
