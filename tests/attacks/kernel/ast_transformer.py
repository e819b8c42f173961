"""Every cell that follows is turned into the number 1 before it is run."""

import ast


class One(ast.NodeTransformer):
    def visit_Module(self, node):
        return ast.parse("1.0")


get_ipython().ast_transformers.append(One())
