"""Conditions in the language of Argo Rollouts (expr-lang), as far as they are about numbers; no host language is run.

`len(result) == 0 || isNaN(result[0]) || result[0] >= 0.99`. A result is a list of numbers; where one number is wanted,
`result` means its first. `parser` reads the `tokens` of a text and puts together its `parts`, which compute what
`arithmetic` defines.
"""
