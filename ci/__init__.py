"""What the workflows in .github/workflows run: shell scripts around pulumi, and the pure text work behind them.

Owns reading what pulumi printed, the text of a pull request's comment, and putting that comment there. Does not own
any change to a host or cluster: those are plain runs of pulumi, in the scripts of this folder.
"""
