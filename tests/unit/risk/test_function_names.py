"""R17: a finding names a function as its reader would look for it."""

from __future__ import annotations

import pytest

from pilotage.risk import complexity
from pilotage.risk.function_names import owners_of

DECISIONS = "".join(f"if (x == {n}) {{ y() }} " for n in range(20))
RUBY = "".join(f"    y if x == {n}\n" for n in range(20))
PYTHON = "".join(f"        if x == {n}:\n            y()\n" for n in range(20))


@pytest.mark.parametrize(
    ("path", "text", "named"),
    [
        ("a.js", f"class Cart {{\n  constructor(x) {{\n    {DECISIONS}\n  }}\n}}\n", "`Cart.constructor` has"),
        ("a.ts", f"export class Cart<T> {{\n  async pay(x: T) {{\n    {DECISIONS}\n  }}\n}}\n", "`Cart.pay` has"),
        ("a.js", f"// of the class Cart\nfunction pay(x) {{\n  {DECISIONS}\n}}\n", "`pay` has"),
        ("a.js", f"class Cart {{\n  a() {{}}\n}}\nfunction pay(x) {{\n  {DECISIONS}\n}}\n", "`pay` has"),
        ("a.js", f"items.map(\n  function (x) {{\n  {DECISIONS}\n}})\n", "the function without a name in line 2 has"),
        ("a.java", f"class A {{\n  Object o = new Object() {{\n    void pay(int x) {{ {DECISIONS} }}\n  }};\n}}\n",
         "`pay` of the class without a name in line 3 has"),
        ("a.py", f"class Cart:\n    def __init__(self, x):\n{PYTHON}", "`Cart.__init__` has"),
        ("a.rb", f"class Cart\n  def initialize(x)\n{RUBY}  end\nend\n", "`Cart#initialize` has"),
        ("a.cpp", f"Cart::Cart(int x) {{ {DECISIONS} }}\n", "`Cart::Cart` has"),
        ("a.php", f"<?php class Cart {{ function pay($x) {{ {DECISIONS} }} }}", "`Cart::pay` has"),
        ("a.kt", f"class Cart(val x: Int) {{\n  companion object {{\n    fun pay() {{ {DECISIONS} }}\n  }}\n}}\n",
         "`Cart.pay` has"),
    ],
)  # fmt: skip
def test_a_hard_function_is_named_with_its_class(path: str, text: str, named: str) -> None:
    (found,) = complexity.findings_of(path, text, complexity.Before({}))
    assert found.sentence.startswith(named), found.sentence


def test_two_constructors_of_one_file_are_two_functions() -> None:
    easy = "class Bag {\n  constructor(x) {\n    if (x) { y() }\n  }\n}\n"
    hard = f"class Cart {{\n  constructor(x) {{\n    {DECISIONS}\n  }}\n}}\n"
    assert not complexity.findings_of("a.js", easy + hard, complexity.Before({"a.js": hard}))
    harder = easy.replace("y()", " ".join(f"while (a[{n}] && b) {{ c({n}) }}" for n in range(12)))
    (found,) = complexity.findings_of("a.js", hard + harder, complexity.Before({"a.js": hard + easy}))
    assert found.sentence == "`Bag.constructor` has 26 decisions, before 2"


def test_owners_cost_as_much_as_there_are_lines_however_deep() -> None:
    lines = [f"{' ' * (n % 250)}class C{n} {{" for n in range(20_000)]
    assert owners_of(lines)[251] == "C250"
