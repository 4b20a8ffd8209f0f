"""Agglomerative clustering of speaker embeddings, with pairs that must not meet."""

import numpy as np


def agglomerate(embeddings_ND: np.ndarray, seconds_N: np.ndarray, apart_NN: np.ndarray, threshold: float) -> np.ndarray:
    """Cluster numbers (N,), from 0 in order of appearance.

    Average linkage on cosine similarity, weighted by seconds: the two most similar clusters are merged while their
    similarity is at least `threshold`. Clusters are never merged where `apart_NN` is true of two of their members.

    Args:
        embeddings_ND: of length 1.
        seconds_N: speech behind each.
        apart_NN: symmetric, true where two embeddings are known to be of two speakers.
    """
    count = len(embeddings_ND)
    sums_ND, weights_N = embeddings_ND * seconds_N[:, None].astype(np.float64), seconds_N.astype(np.float64)
    members: list[list[int]] = [[number] for number in range(count)]
    apart, alive = apart_NN.copy(), np.ones(count, dtype=bool)
    similar_NN = np.where(apart, -np.inf, embeddings_ND.astype(np.float64) @ embeddings_ND.T)
    np.fill_diagonal(similar_NN, -np.inf)
    while alive.sum() > 1:
        one, other = divmod(int(similar_NN.argmax()), count)
        if similar_NN[one, other] < threshold:
            break
        members[one] += members[other]
        sums_ND[one] += sums_ND[other]
        weights_N[one] += weights_N[other]
        # whoever must not meet one member must not meet the cluster
        apart[one] |= apart[other]
        apart[:, one] |= apart[:, other]
        alive[other] = False
        # The weighted mean of all pairs' cosines is the product of the clusters' mean vectors.
        row = sums_ND @ sums_ND[one] / (weights_N * weights_N[one])
        row[~alive | apart[one]] = -np.inf
        row[one] = -np.inf
        similar_NN[one], similar_NN[:, one] = row, row
        similar_NN[other], similar_NN[:, other] = -np.inf, -np.inf
    labels = np.zeros(count, dtype=int)
    for cluster, own in enumerate(sorted((members[number] for number in np.flatnonzero(alive)), key=min)):
        labels[own] = cluster
    return labels


def centroids(embeddings_ND: np.ndarray, seconds_N: np.ndarray, labels_N: np.ndarray) -> np.ndarray:
    """The direction of each cluster (K, D), of length 1."""
    kinds = int(labels_N.max()) + 1 if len(labels_N) else 0
    sums = np.stack([(embeddings_ND * seconds_N[:, None])[labels_N == kind].sum(0) for kind in range(kinds)])
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))


def absorb_small(embeddings_ND: np.ndarray, seconds_N: np.ndarray, labels_N: np.ndarray, smallest: float) -> np.ndarray:
    """Labels (N,) after clusters of less than `smallest` seconds went to the nearest larger one, piece by piece.

    Where none is large enough, the largest is. Short clusters are noises, laughter and overlap more often than people.
    """
    totals = np.bincount(labels_N, weights=seconds_N)
    large = np.flatnonzero(totals >= min(smallest, totals.max()))
    directions = centroids(embeddings_ND, seconds_N, labels_N)
    labels = labels_N.copy()
    for row in np.flatnonzero(~np.isin(labels_N, large)):
        labels[row] = large[int((directions[large] @ embeddings_ND[row]).argmax())]
    # numbered anew, without gaps
    return np.unique(labels, return_inverse=True)[1]
