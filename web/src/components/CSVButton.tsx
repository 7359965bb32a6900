import { useState } from 'preact/hooks'
import { address, download, Problem, type GetPaths, type Question } from '../api/client'

/** Downloads the rows of an answer. */
export function CSVButton<P extends GetPaths>({ question, name }: { question: Question<P>; name: string }) {
  const [problem, setProblem] = useState('')
  const save = async () => {
    setProblem('')
    try {
      const target = address(question)
      const body = await download(target + (target.includes('?') ? '&' : '?') + 'format=csv')
      const url = URL.createObjectURL(body)
      const anchor = document.createElement('a')
      anchor.href = url
      anchor.download = `${name}.csv`
      anchor.click()
      URL.revokeObjectURL(url)
    } catch (error) {
      setProblem(error instanceof Problem ? error.detail : String(error))
    }
  }
  return (
    <>
      <button type="button" onClick={save} title="All columns, durations in ns">
        CSV
      </button>
      {problem && <span class="wrong">{problem}</span>}
    </>
  )
}
